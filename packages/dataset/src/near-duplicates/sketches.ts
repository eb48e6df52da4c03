/** Shingles that are kept of a text: those with the smallest hashes. Texts of no more shingles are compared exactly. */
export const SKETCH_SHINGLES = 64;

/** Near-duplicates: at least this share of the shingles of both texts together stands in both (Jaccard), 7 of 10. */
const SHARED = { of: 10, atLeast: 7 } as const;

const CHUNK = 2 ** 20;

/** Sketches of numbered texts: up to SKETCH_SHINGLES hashes each, ascending. 4 bytes a hash. */
export class Sketches {
  readonly #chunks: Uint32Array[] = [];
  /** Where the sketch of a text starts: chunk × CHUNK + place. */
  readonly #starts: Float64Array;
  readonly #sizes: Uint8Array;
  #end = 0;

  constructor(texts: number) {
    this.#starts = new Float64Array(texts);
    this.#sizes = new Uint8Array(texts);
  }

  add(text: number, sketch: Uint32Array): void {
    if ((this.#end % CHUNK) + sketch.length > CHUNK) this.#end = Math.ceil(this.#end / CHUNK) * CHUNK;
    const chunk = Math.floor(this.#end / CHUNK);
    this.#chunks[chunk] ??= new Uint32Array(CHUNK);
    this.#chunks[chunk].set(sketch, this.#end % CHUNK);
    this.#starts[text] = this.#end;
    this.#sizes[text] = sketch.length;
    this.#end += sketch.length;
  }

  /**
   * Whether an earlier text and one with the sketch `b` are near-duplicates by their sketches: of the smallest hashes of both together, as many as one
   * sketch may have, at least 7 of 10 are in both. Whole numbers only, so no machine can round otherwise.
   */
  alike(a: number, b: Uint32Array): boolean {
    const [sizeA, sizeB] = [this.#sizes[a]!, b.length];
    const [small, large] = sizeA < sizeB ? [sizeA, sizeB] : [sizeB, sizeA];
    if (small === 0 || small * SHARED.of < large * SHARED.atLeast) return false;
    const startA = this.#starts[a]!;
    const chunkA = this.#chunks[Math.floor(startA / CHUNK)]!;
    let [i, j] = [startA % CHUNK, 0];
    const [endA, endB] = [i + sizeA, sizeB];
    let [together, both] = [0, 0];
    while (together < SKETCH_SHINGLES && (i < endA || j < endB)) {
      const x = i < endA ? chunkA[i]! : Number.POSITIVE_INFINITY;
      const y = j < endB ? b[j]! : Number.POSITIVE_INFINITY;
      if (x === y) both++;
      if (x <= y) i++;
      if (y <= x) j++;
      together++;
    }
    return both * SHARED.of >= together * SHARED.atLeast;
  }
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
