const BITS = 16;
const CHUNK = 2 ** BITS;

/** Numbers in the order of their coming; grows without copying what is there, which would take 50 ms of a long list. */
export class NumberList {
  readonly #kind: new (
    length: number,
  ) => Uint32Array | Float64Array;
  readonly #chunks: (Uint32Array | Float64Array)[] = [];
  length = 0;

  /** @param kind what the numbers are kept in: whole ones below 2^32, or any. */
  constructor(kind: new (length: number) => Uint32Array | Float64Array) {
    this.#kind = kind;
  }

  push(value: number): void {
    const at = this.length++ & (CHUNK - 1);
    if (at === 0) this.#chunks.push(new this.#kind(CHUNK));
    this.#chunks[this.#chunks.length - 1]![at] = value;
  }

  at(index: number): number {
    return this.#chunks[index >>> BITS]![index & (CHUNK - 1)]!;
  }
}
