import { QUICK_ROWS, type Steps } from '../slices.ts';

/** Union-find; the root of a group is its first text. */
export class Groups {
  readonly #parents: Int32Array;
  constructor(texts: number) {
    this.#parents = new Int32Array(texts);
    for (let text = 0; text < texts; text++) this.#parents[text] = text;
  }

  isFirst(text: number): boolean {
    return this.#parents[text] === text;
  }

  of(text: number): number {
    let at = text;
    while (this.#parents[at] !== at) {
      this.#parents[at] = this.#parents[this.#parents[at]!]!;
      at = this.#parents[at]!;
    }
    return at;
  }

  join(a: number, b: number): void {
    const [x, y] = [this.of(a), this.of(b)];
    this.#parents[Math.max(x, y)] = Math.min(x, y);
  }

  /** For each text the first one of its group. */
  *firsts(): Steps<Int32Array> {
    const firsts = new Int32Array(this.#parents.length);
    for (let text = 0; text < firsts.length; text++) {
      firsts[text] = this.of(text);
      if (text % QUICK_ROWS === 0) yield;
    }
    return firsts;
  }
}
