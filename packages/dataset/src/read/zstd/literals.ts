import { HuffmanTable } from './huffman-table.ts';
import { ZstdFault } from './zstd-fault.ts';

const TYPE = { raw: 0, rle: 1, compressed: 2, treeless: 3 } as const;

/** The literals of one block after the other (RFC 8878, 3.1.1.3.1), in memory made once. */
export class Literals {
  readonly bytes: Uint8Array;
  length = 0;
  readonly #table = new HuffmanTable();
  #hasTable = false;

  constructor(maxBytes: number) {
    this.bytes = new Uint8Array(maxBytes);
  }

  /** A frame knows no table of an earlier one. */
  reset(): void {
    this.#hasTable = false;
  }

  /** Reads the section at `at`. @returns the place behind it. @throws ZstdFault. */
  read(block: Uint8Array, at: number, end: number): number {
    const type = block[at]! & 3;
    return type === TYPE.raw || type === TYPE.rle
      ? this.#plain(block, at, end, type)
      : this.#packed(block, at, end, type);
  }

  #plain(block: Uint8Array, at: number, end: number, type: number): number {
    const format = (block[at]! >> 2) & 3;
    const header = [1, 2, 1, 3][format]!;
    const size = sizeAt(block, at, header) >> (header === 1 ? 3 : 4);
    const from = at + header;
    const behind = from + (type === TYPE.rle ? 1 : size);
    this.#require(size, behind, end);
    if (type === TYPE.rle) this.bytes.fill(block[from]!, 0, size);
    else this.bytes.set(block.subarray(from, behind));
    return behind;
  }

  #packed(block: Uint8Array, at: number, end: number, type: number): number {
    const format = (block[at]! >> 2) & 3;
    const header = [3, 3, 4, 5][format]!;
    const width = [10, 10, 14, 18][format]!;
    const bits = sizeAt(block, at, header);
    const size = Math.floor(bits / 16) % 2 ** width;
    const packed = Math.floor(bits / 2 ** (4 + width)) % 2 ** width;
    let from = at + header;
    const behind = from + packed;
    this.#require(size, behind, end);
    if (type === TYPE.compressed) {
      from = this.#table.read(block, from, behind);
      this.#hasTable = true;
    } else if (!this.#hasTable) throw new ZstdFault('a block takes up a Huffman table that was never given');
    if (format === 0) this.#table.decode(block, from, behind, this.bytes, 0, size);
    else this.#fourStreams(block, from, behind, size);
    return behind;
  }

  #fourStreams(block: Uint8Array, at: number, end: number, size: number): void {
    const share = (size + 3) >> 2;
    if (at + 6 > end || size < 3 * share) throw new ZstdFault('literals of four streams are cut off');
    let from = at + 6;
    for (let stream = 0; stream < 4; stream++) {
      const to = stream === 3 ? end : from + (block[at + 2 * stream]! | (block[at + 2 * stream + 1]! << 8));
      if (to > end) throw new ZstdFault('literals of four streams are cut off');
      this.#table.decode(block, from, to, this.bytes, stream * share, stream === 3 ? size : (stream + 1) * share);
      from = to;
    }
  }

  #require(size: number, behind: number, end: number): void {
    if (behind > end) throw new ZstdFault('literals are cut off');
    if (size > this.bytes.length) throw new ZstdFault(`a block has ${size} bytes of literals`);
    this.length = size;
  }
}

/** Up to 5 bytes, lowest first. */
function sizeAt(block: Uint8Array, at: number, count: number): number {
  let size = 0;
  for (let i = count - 1; i >= 0; i--) size = size * 256 + block[at + i]!;
  return size;
}
