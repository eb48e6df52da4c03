import type { Row } from './row.ts';
import { rowLine } from './row.ts';

/**
 * Rows by number. An array is one; a `RowFile` is another, which keeps no more than a block of its file in memory, so
 * whatever walks rows in order serves sets of any size.
 */
export interface Rows extends Iterable<Row> {
  readonly length: number;
  /** From 0; undefined behind the end. */
  at(index: number): Row | undefined;
  /** The row's canonical line without the line end, where it is at hand. Valid until the next call. */
  line?(index: number): Uint8Array;
}

/** The canonical line of a row, without parsing it where it lies in a file. */
export function lineOf(rows: Rows, index: number): Uint8Array | string {
  return rows.line?.(index) ?? rowLine(rows.at(index)!);
}

/** Some rows of others, in the order of `indexes`. */
export class RowSelection implements Rows {
  readonly #rows: Rows;
  readonly #indexes: ArrayLike<number>;

  constructor(rows: Rows, indexes: ArrayLike<number>) {
    this.#rows = rows;
    this.#indexes = indexes;
  }

  get length(): number {
    return this.#indexes.length;
  }

  at(index: number): Row | undefined {
    return index < this.length ? this.#rows.at(this.#indexes[index]!) : undefined;
  }

  line(index: number): Uint8Array {
    const line = lineOf(this.#rows, this.#indexes[index]!);
    return typeof line === 'string' ? Buffer.from(line) : line;
  }

  *[Symbol.iterator](): Iterator<Row> {
    for (let index = 0; index < this.length; index++) yield this.at(index)!;
  }
}
