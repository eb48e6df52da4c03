import { bitsAt, highestBit, topOfStream } from './bits.ts';
import { FseTable } from './fse-table.ts';
import { ZstdFault } from './zstd-fault.ts';

const MAX_BITS = 11;
const MAX_SYMBOLS = 256;
/** Header bytes below it say the length of weights packed by FSE, others how many weights of 4 bits follow. */
const FIRST_DIRECT = 128;
const WEIGHT_LOG = 6;

/** The Huffman code of literals (RFC 8878, 4.2), in arrays made once. */
export class HuffmanTable {
  /** For every number of `#maxBits` bits the symbol (low byte) and the bits of its code. */
  readonly #entries = new Uint16Array(1 << MAX_BITS);
  readonly #weights = new Uint8Array(MAX_SYMBOLS);
  readonly #weightTable = new FseTable(WEIGHT_LOG, MAX_BITS + 1);
  #maxBits = 0;

  /** Reads the description at `at`. @returns the place behind it. @throws ZstdFault. */
  read(bytes: Uint8Array, at: number, end: number): number {
    const header = at < end ? bytes[at]! : 0;
    const direct = header >= FIRST_DIRECT;
    const behind = at + 1 + (direct ? (header - FIRST_DIRECT + 2) >> 1 : header);
    if (behind > end || header === 0) throw new ZstdFault('a Huffman table is cut off');
    const count = direct
      ? this.#directWeights(bytes, at + 1, header - FIRST_DIRECT + 1)
      : this.#packedWeights(bytes, at + 1, behind);
    this.#build(count);
    return behind;
  }

  #directWeights(bytes: Uint8Array, at: number, count: number): number {
    for (let i = 0; i < count; i++) {
      const byte = bytes[at + (i >> 1)]!;
      this.#weights[i] = i % 2 === 0 ? byte >> 4 : byte & 15;
    }
    return count;
  }

  /** Two states that take turns, until one of them wants more bits than are there. */
  #packedWeights(bytes: Uint8Array, at: number, end: number): number {
    const table = this.#weightTable;
    const start = table.read(bytes, at, end);
    let bit = topOfStream(bytes, start, end) - 2 * table.log;
    if (bit < start * 8) throw new ZstdFault('weights of a Huffman table are cut off');
    let state = bitsAt(bytes, bit + table.log, table.log);
    let other = bitsAt(bytes, bit, table.log);
    for (let count = 0; count < MAX_SYMBOLS - 2; ) {
      this.#weights[count++] = table.symbol[state]!;
      const width = table.bits[state]!;
      bit -= width;
      if (bit < start * 8) {
        this.#weights[count++] = table.symbol[other]!;
        return count;
      }
      const next = table.base[state]! + bitsAt(bytes, bit, width);
      state = other;
      other = next;
    }
    throw new ZstdFault('a Huffman table has too many weights');
  }

  /** The weight of the last symbol is what is missing to a power of two. */
  #build(given: number): void {
    let sum = 0;
    for (let i = 0; i < given; i++) {
      const weight = this.#weights[i]!;
      if (weight > MAX_BITS) throw new ZstdFault('a Huffman code is too long');
      if (weight > 0) sum += 1 << (weight - 1);
    }
    const maxBits = highestBit(sum) + 1;
    const missing = (1 << maxBits) - sum;
    if (sum === 0 || maxBits > MAX_BITS || (missing & (missing - 1)) !== 0) {
      throw new ZstdFault('a Huffman table does not come out even');
    }
    this.#weights[given] = highestBit(missing) + 1;
    let place = 0;
    for (let weight = 1; weight <= maxBits; weight++) {
      for (let symbol = 0; symbol <= given; symbol++) {
        if (this.#weights[symbol] !== weight) continue;
        const next = place + (1 << (weight - 1));
        this.#entries.fill(((maxBits + 1 - weight) << 8) | symbol, place, next);
        place = next;
      }
    }
    this.#maxBits = maxBits;
  }

  /** Decodes the stream of `bytes` from `start` to `end` into `out` from `from` to `to`. @throws ZstdFault. */
  decode(bytes: Uint8Array, start: number, end: number, out: Uint8Array, from: number, to: number): void {
    const entries = this.#entries;
    const maxBits = this.#maxBits;
    const mask = (1 << maxBits) - 1;
    const floor = start * 8;
    let top = topOfStream(bytes, start, end);
    let at = from;
    // Two symbols from one word: twice 11 bits, and up to 7 below them. Bits under the floor decide nothing in a sound stream.
    while (at + 1 < to && top > floor) {
      const bit = top - 2 * MAX_BITS;
      const place = bit >> 3;
      const word =
        (bytes[place]! | (bytes[place + 1]! << 8) | (bytes[place + 2]! << 16) | (bytes[place + 3]! << 24)) >>>
        (bit & 7);
      const first = entries[(word >>> (2 * MAX_BITS - maxBits)) & mask]!;
      const used = first >> 8;
      const second = entries[(word >>> (2 * MAX_BITS - maxBits - used)) & mask]!;
      out[at++] = first;
      out[at++] = second;
      top -= used + (second >> 8);
    }
    if (at < to && top > floor) {
      const last = entries[bitsAt(bytes, top - maxBits, maxBits)]!;
      out[at++] = last;
      top -= last >> 8;
    }
    if (at !== to || top !== floor) throw new ZstdFault('Huffman codes do not end where they should');
  }
}
