/**
 * Checks a run-length or bit-packed run of numbers (levels, dictionary indexes) before the decoder sees it: that it has no
 * more numbers than it should, so that a run of a billion costs nothing, and that each is below `limit`.
 * Format: https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE
 * @param end where the run's bytes end at the latest. @param needed numbers that the decoder will take.
 * @throws Error.
 */
export function checkRuns(
  bytes: Uint8Array,
  from: number,
  end: number,
  { width, needed, limit }: { width: number; needed: number; limit: number },
): void {
  if (width > 32) throw new Error(`a run of ${width}-bit numbers`);
  const valueBytes = (width + 7) >> 3;
  let at = from;
  let seen = 0;
  while (seen < needed) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end || shift > 28) throw new Error('a run of numbers ends early');
      const byte = bytes[at++]!;
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const isPacked = header % 2 === 1;
    const count = isPacked ? 8 * Math.floor(header / 2) : header / 2;
    // The last group of packed numbers is filled up to eight.
    if (count > needed - seen + (isPacked ? 7 : 0)) throw new Error('a run has more numbers than its page');
    const length = isPacked ? (count * width) / 8 : valueBytes;
    if (at + length > end) throw new Error('a run of numbers ends early');
    if (isPacked) checkPacked(bytes, at, width, Math.min(count, needed - seen), limit);
    else if (littleEndian(bytes, at, valueBytes) >= limit) throw new Error('a number is out of its range');
    at += length;
    seen += count;
  }
}

function littleEndian(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value += bytes[at + i]! * 2 ** (8 * i);
  return value;
}

function checkPacked(bytes: Uint8Array, at: number, width: number, count: number, limit: number): void {
  // No number of this width can be too large.
  if (2 ** width <= limit) return;
  let [held, bits, next] = [0, 0, at];
  const size = 2 ** width;
  for (let i = 0; i < count; i++) {
    // 32 bits of a number and 7 left over stay far below 2^53.
    while (bits < width) {
      held += (bytes[next++] ?? 0) * 2 ** bits;
      bits += 8;
    }
    if (held % size >= limit) throw new Error('a number is out of its range');
    held = Math.floor(held / size);
    bits -= width;
  }
}
