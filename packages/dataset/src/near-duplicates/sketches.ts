/** Shingles that are kept of a text: those with the smallest hashes. Texts of no more shingles are compared exactly. */
export const SKETCH_SHINGLES = 64;

/** Near-duplicates: at least this share of the shingles of both texts together stands in both (Jaccard), 7 of 10. */
const SHARED = { of: 10, atLeast: 7 } as const;

/**
 * Whether two texts are near-duplicates by their sketches (ascending hashes): of the smallest hashes of both together, as
 * many as one sketch may have, at least 7 of 10 are in both. Whole numbers only, so no machine can round otherwise.
 */
export function alike(a: Uint32Array, b: Uint32Array): boolean {
  if (!mayBeAlike(a.length, b.length)) return false;
  let [i, j] = [0, 0];
  let [together, both] = [0, 0];
  while (together < SKETCH_SHINGLES && (i < a.length || j < b.length)) {
    const x = i < a.length ? a[i]! : Number.POSITIVE_INFINITY;
    const y = j < b.length ? b[j]! : Number.POSITIVE_INFINITY;
    if (x === y) both++;
    if (x <= y) i++;
    if (y <= x) j++;
    together++;
  }
  return both * SHARED.of >= together * SHARED.atLeast;
}

/** False where sketches of these sizes cannot be alike. */
export function mayBeAlike(sizeA: number, sizeB: number): boolean {
  const [small, large] = sizeA < sizeB ? [sizeA, sizeB] : [sizeB, sizeA];
  return small > 0 && small * SHARED.of >= large * SHARED.atLeast;
}

/**
 * How many hashes two alike sketches have in common at least. They have 7 of 10 of what is looked at, and that is no less
 * than the larger of them.
 */
export function leastShared(sizeA: number, sizeB: number): number {
  return Math.ceil((Math.max(sizeA, sizeB) * SHARED.atLeast) / SHARED.of);
}

/**
 * How many of a sketch's hashes, taken in one order for all, have to be looked at: two sketches that are alike share at
 * least ceil(0.7 × size) hashes, so they cannot miss each other in the first size - ceil(0.7 × size) + 1.
 */
export function prefixLength(size: number): number {
  return size - Math.ceil((size * SHARED.atLeast) / SHARED.of) + 1;
}

/** The smallest hashes, ascending: all of them where they are few. `hashes` are distinct; only the first `count` count. */
export function smallest(hashes: Uint32Array, count: number, room: Uint32Array): Uint32Array {
  // Sorting a million hashes would take 100 ms; hashes are even over their range, so a bound lets enough through.
  for (let bound = count <= ROUGHLY ? 1 : ROUGHLY / count; ; bound *= 2) {
    const below = bound * 2 ** 32;
    let found = 0;
    for (let i = 0; i < count && found < room.length; i++) if (hashes[i]! < below) room[found++] = hashes[i]!;
    if (bound < 1 && found < SKETCH_SHINGLES) continue;
    return room.subarray(0, found).sort().subarray(0, SKETCH_SHINGLES);
  }
}

const ROUGHLY = 256;
