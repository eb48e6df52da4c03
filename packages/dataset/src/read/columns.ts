import { BadInputError } from '@tuning/kit';
import { cell, type Row } from '../row.ts';
import { tooLarge } from './limits.ts';
import type { RowStream } from './row-stream.ts';

/** `"":null,` of canonical JSON: what one filled cell adds at least, so that sparse rows cannot pass the byte limit. */
const NULL_CELL_BYTES = 8;

/** After the last row: that there are rows, and that filling their gaps stays in bounds. @throws BadInputError. */
export function checkFilled({ rows, columns, cells, limits, names }: RowStream): void {
  if (rows === 0) {
    throw new BadInputError('DATASET_EMPTY', `${names || 'the dataset'} has no rows: give a dataset with rows`);
  }
  if ((rows * columns.length - cells) * NULL_CELL_BYTES > limits.maxBytes) {
    throw tooLarge(names, `has ${columns.length} different columns in ${rows} rows, most of them empty`);
  }
}

/** The row with every column, null where it has none. fromEntries defines members, so `__proto__` stays a column. */
export function filled(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((column) => [column, cell(row, column) ?? null]));
}
