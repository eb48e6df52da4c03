import { mixed, type Words } from './words.ts';

/** Words in a row that make one shingle. */
export const SHINGLE_WORDS = 3;

/**
 * The distinct shingles (three words in a row) of one text after the other, as 32-bit numbers. A text of fewer words is
 * one shingle of all its words.
 */
export class Shingles {
  /** The first `count` are valid, in order of first appearance. */
  hashes = new Uint32Array(1024);
  count = 0;
  /** Open addressing: a slot is taken where its stamp is the current one, so that nothing has to be cleared. */
  #slots = new Uint32Array(4096);
  #stamps = new Uint32Array(4096);
  #stamp = 0;

  of(words: Words): void {
    this.count = 0;
    this.#stamp++;
    const { hashes, count } = words;
    if (count === 0) return;
    this.#makeRoom(count);
    let [a, b] = [0, 0];
    for (let i = 0; i < count; i++) {
      const c = hashes[i]!;
      if (i >= SHINGLE_WORDS - 1 || i === count - 1) this.#add(shingle(a, b, c));
      a = b;
      b = c;
    }
  }

  #makeRoom(words: number): void {
    if (this.hashes.length < words) this.hashes = new Uint32Array(2 * words);
    let size = this.#slots.length;
    while (size < 4 * words) size *= 2;
    if (size === this.#slots.length) return;
    this.#slots = new Uint32Array(size);
    this.#stamps = new Uint32Array(size);
    this.#stamp = 1;
  }

  #add(hash: number): void {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      if (this.#stamps[slot] !== this.#stamp) {
        this.#stamps[slot] = this.#stamp;
        this.#slots[slot] = hash;
        this.hashes[this.count++] = hash;
        return;
      }
      if (this.#slots[slot] === hash) return;
    }
  }
}

function shingle(a: number, b: number, c: number): number {
  return mixed(Math.imul(Math.imul(a, 0x9e3779b1) ^ b, 0x85ebca77) + c);
}

/** 64 bits of the sequence of words, as two numbers: equal for texts of the same words in the same order. */
export function fingerprint({ hashes, count }: Words): { low: number; high: number } {
  let low = count;
  let high = ~count;
  for (let i = 0; i < count; i++) {
    low = Math.imul(low ^ hashes[i]!, 0x9e3779b1);
    low ^= low >>> 15;
    high = Math.imul(high + hashes[i]!, 0x85ebca77);
    high ^= high >>> 13;
  }
  return { low: mixed(low), high: mixed(high) };
}
