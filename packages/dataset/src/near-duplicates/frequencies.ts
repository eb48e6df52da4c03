const powerOfTwoFrom = (value: number, least: number, most: number) =>
  2 ** Math.min(most, Math.max(least, Math.ceil(Math.log2(Math.max(1, value)))));

/**
 * In how many texts a shingle stands, counted in a table of fixed size: shingles that share a slot are counted together,
 * so a count is never too low. 16 slots of 2 bytes a text, at most 64 MiB.
 */
export class Frequencies {
  readonly #counts: Uint16Array;
  /** Bits: shingles seen, and shingles seen more than once. 256 bits a text each, at most 128 MiB. */
  #once: Uint32Array;
  readonly #again: Uint32Array;

  constructor(texts: number) {
    this.#counts = new Uint16Array(powerOfTwoFrom(16 * texts, 16, 25));
    const words = powerOfTwoFrom(8 * texts, 14, 25);
    this.#once = new Uint32Array(words);
    this.#again = new Uint32Array(words);
  }

  /** Counts a shingle of a text; to be called once for each text that has it. */
  add(hash: number): void {
    const slot = hash & (this.#counts.length - 1);
    if (this.#counts[slot]! < 0xffff) this.#counts[slot]!++;
    const [word, bit] = [this.#word(hash), 1 << (hash & 31)];
    if (this.#once[word]! & bit) this.#again[word]! |= bit;
    else this.#once[word]! |= bit;
  }

  /** Nothing more is counted: half of the bits are let go. */
  close(): void {
    this.#once = new Uint32Array(0);
  }

  of(hash: number): number {
    return this.#counts[hash & (this.#counts.length - 1)]!;
  }

  /** False where no other text has it; may be true where none has. */
  mayBeShared(hash: number): boolean {
    return (this.#again[this.#word(hash)]! & (1 << (hash & 31))) !== 0;
  }

  #word(hash: number): number {
    return (hash >>> 5) & (this.#again.length - 1);
  }
}
