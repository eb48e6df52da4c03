import { createHash } from 'node:crypto';

const WORDS = 4;

/**
 * Small numbers by the sha256 of a text, of which 128 bits are kept: as good as the texts themselves, in 17 bytes a slot,
 * two to four slots a text. Open addressing, doubled when half full.
 */
export class DigestTable {
  #keys: Uint32Array;
  /** 0 is an empty slot. */
  #values: Uint8Array;
  #count = 0;

  constructor(expected = 0) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(16, 2 * expected)));
    this.#keys = new Uint32Array(WORDS * slots);
    this.#values = new Uint8Array(slots);
  }

  /** The number of this text, 0 where there is none. */
  get(text: string | Uint8Array): number {
    return this.#values[this.#slotOf(wordsOf(text))]!;
  }

  /** `value`: 1 … 255. Replaces an earlier one. */
  set(text: string | Uint8Array, value: number): void {
    const words = wordsOf(text);
    const slot = this.#slotOf(words);
    if (this.#values[slot] === 0) this.#count++;
    this.#values[slot] = value;
    this.#keys.set(words, WORDS * slot);
    if (2 * this.#count > this.#values.length) this.#grow();
  }

  #slotOf(words: Uint32Array): number {
    const mask = this.#values.length - 1;
    for (let slot = words[0]! & mask; ; slot = (slot + 1) & mask) {
      if (this.#values[slot] === 0) return slot;
      const at = WORDS * slot;
      if (words.every((word, i) => this.#keys[at + i] === word)) return slot;
    }
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Uint32Array(2 * keys.length);
    this.#values = new Uint8Array(2 * values.length);
    for (const [slot, value] of values.entries()) {
      if (value === 0) continue;
      const words = keys.subarray(WORDS * slot, WORDS * (slot + 1));
      const to = this.#slotOf(words);
      this.#values[to] = value;
      this.#keys.set(words, WORDS * to);
    }
  }
}

function wordsOf(text: string | Uint8Array): Uint32Array {
  const digest = createHash('sha256').update(text).digest();
  return Uint32Array.from({ length: WORDS }, (_, i) => digest.readUInt32LE(4 * i));
}
