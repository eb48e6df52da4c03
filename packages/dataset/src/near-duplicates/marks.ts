import { leastShared, mayBeAlike } from './sketches.ts';

/** 256 bits of a sketch of at most 64 hashes. */
const WORDS = 8;

/**
 * What is kept of each text that may be met again: the size of its sketch, and one bit of 256 for each of its hashes. That
 * tells nearly all texts that are not alike in an eighth of the memory of the sketches, and never denies two that are.
 */
export class Marks {
  readonly #bits: Uint32Array;
  readonly #sizes: Uint8Array;

  constructor(texts: number) {
    this.#bits = new Uint32Array(WORDS * texts);
    this.#sizes = new Uint8Array(texts);
  }

  set(text: number, sketch: Uint32Array): void {
    this.#sizes[text] = sketch.length;
    mark(this.#bits.subarray(WORDS * text, WORDS * (text + 1)), sketch);
  }

  /**
   * False where the text's sketch cannot be alike `sketch`. Of a sketch's hashes, those that the other has not account for
   * at most one bit each; so of its bits all but those are also the other's.
   */
  mayBeAlike(text: number, sketch: Uint32Array, marks: Uint32Array): boolean {
    const size = this.#sizes[text]!;
    if (!mayBeAlike(size, sketch.length)) return false;
    let [own, common] = [0, 0];
    for (let word = 0; word < WORDS; word++) {
      own += bitsIn(marks[word]!);
      common += bitsIn(marks[word]! & this.#bits[WORDS * text + word]!);
    }
    return own - common <= sketch.length - leastShared(size, sketch.length);
  }
}

/** The marks of one sketch. */
export function marksOf(sketch: Uint32Array): Uint32Array {
  const bits = new Uint32Array(WORDS);
  mark(bits, sketch);
  return bits;
}

function mark(bits: Uint32Array, sketch: Uint32Array): void {
  // Low bits: the high ones of the smallest hashes are all alike.
  for (const hash of sketch) bits[(hash >>> 5) & (WORDS - 1)]! |= 1 << (hash & 31);
}

/** Population count, Hacker's Delight 5-1. */
function bitsIn(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
