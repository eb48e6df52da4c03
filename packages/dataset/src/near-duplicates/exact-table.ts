/** The first text of each 64-bit fingerprint: open addressing, 12 bytes a slot, two slots and more a text. */
export class ExactTable {
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  /** Number of the text + 1; 0 is an empty slot. */
  readonly #text: Uint32Array;

  constructor(texts: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(16, 2 * texts)));
    this.#low = new Uint32Array(slots);
    this.#high = new Uint32Array(slots);
    this.#text = new Uint32Array(slots);
  }

  /** The first text with this fingerprint: `text` itself where it is new. */
  firstOf(low: number, high: number, text: number): number {
    const mask = this.#text.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const there = this.#text[slot]!;
      if (there === 0) {
        this.#low[slot] = low;
        this.#high[slot] = high;
        this.#text[slot] = text + 1;
        return text;
      }
      if (this.#low[slot] === low && this.#high[slot] === high) return there - 1;
    }
  }
}
