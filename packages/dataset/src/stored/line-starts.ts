const CHUNK = 2 ** 16;

/** Where each line of a file begins: 8 bytes a line, grown without copying. */
export class LineStarts {
  readonly #chunks: Float64Array[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(start: number): void {
    const at = this.#count++ % CHUNK;
    if (at === 0) this.#chunks.push(new Float64Array(CHUNK));
    this.#chunks.at(-1)![at] = start;
  }

  at(index: number): number {
    return this.#chunks[Math.floor(index / CHUNK)]![index % CHUNK]!;
  }
}
