import { basename } from 'node:path';
import { BadInputError } from '@tuning/kit';
import { cell, type Row, rowsDigestAsync } from '../row.ts';
import { Pacer } from '../slices.ts';
import { csvRows } from './csv-rows.ts';
import { jsonRows } from './json-rows.ts';
import { READ_LIMITS, type ReadLimits, tooLarge } from './limits.ts';
import { parquetRows } from './parquet-rows.ts';

/** `csv` also reads `.tsv`; `json` is an array of objects or one object per line, told apart by the first character. */
export type DataFormat = 'csv' | 'json' | 'parquet';

const READERS = { csv: csvRows, json: jsonRows, parquet: parquetRows } as const;

export interface DataFile {
  path: string;
  format: DataFormat;
}

export interface ReadOptions {
  signal?: AbortSignal;
  /** Default: LIMITS of the protocol. */
  limits?: Partial<ReadLimits>;
}

export interface Dataset {
  /** Every row has every column; a cell that the file does not have is null, as `load_dataset` does it. */
  rows: Row[];
  /** In order of first appearance. */
  columns: string[];
  /** `rowsDigest(rows)`. */
  digest: string;
}

/** Reads one file, see `readDatasetFiles`. */
export function readDataset(file: DataFile, options: ReadOptions = {}): Promise<Dataset> {
  return readDatasetFiles([file], options);
}

/**
 * Reads the rows of all files, in the order given, as one dataset. Streams with bounds, pauses for the event loop.
 * A path that ends in `.gz` is decompressed.
 * @throws BadInputError DATASET_NOT_FOUND, DATASET_NOT_READABLE, DATASET_EMPTY, DATASET_UNPARSABLE (message and
 *   details name the line), DATASET_DUPLICATE_COLUMN, DATASET_TOO_LARGE. The signal's reason when aborted.
 */
export async function readDatasetFiles(files: readonly DataFile[], options: ReadOptions = {}): Promise<Dataset> {
  const { signal } = options;
  const limits: ReadLimits = { ...READ_LIMITS, ...options.limits };
  const rows: Row[] = [];
  const columns = new Set<string>();
  const pacer = new Pacer();
  let ragged = false;
  let cells = 0;
  for (const { path, format } of files) {
    for await (const row of READERS[format](path, limits, signal)) {
      if (rows.length >= limits.maxRows) throw tooLarge(path, `has more than ${limits.maxRows} rows`);
      const before = columns.size;
      const keys = Object.keys(row);
      for (const key of keys) columns.add(key);
      if (columns.size > limits.maxColumns) throw tooLarge(path, `has more than ${limits.maxColumns} columns`);
      ragged ||= keys.length !== columns.size || (rows.length > 0 && columns.size !== before);
      cells += keys.length;
      rows.push(row);
      if (pacer.due) await pacer.turn(signal);
    }
  }
  const names = files.map(({ path }) => basename(path)).join(', ');
  if (rows.length === 0) {
    throw new BadInputError('DATASET_EMPTY', `${names || 'the dataset'} has no rows: give a dataset with rows`);
  }
  const filled = ragged ? await fillColumns(rows, [...columns], cells, limits, names, signal) : rows;
  return { rows: filled, columns: [...columns], digest: await rowsDigestAsync(filled, signal) };
}

/** `"":null,` of canonical JSON: what one filled cell adds at least, so that sparse rows cannot pass the byte limit. */
const NULL_CELL_BYTES = 8;

async function fillColumns(
  rows: Row[],
  columns: string[],
  cells: number,
  limits: ReadLimits,
  names: string,
  signal?: AbortSignal,
): Promise<Row[]> {
  if ((rows.length * columns.length - cells) * NULL_CELL_BYTES > limits.maxBytes) {
    throw tooLarge(names, `has ${columns.length} different columns in ${rows.length} rows, most of them empty`);
  }
  const pacer = new Pacer();
  const filled: Row[] = [];
  for (const row of rows) {
    // fromEntries defines members, so a column named `__proto__` stays a column.
    filled.push(Object.fromEntries(columns.map((column) => [column, cell(row, column) ?? null])));
    if (pacer.due) await pacer.turn(signal);
  }
  return filled;
}
