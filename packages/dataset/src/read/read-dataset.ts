import type { Row } from '../row.ts';
import { rowsDigestAsync } from '../row-lines.ts';
import { Pacer } from '../slices.ts';
import { checkFilled, filled } from './columns.ts';
import { type DataFile, type ReadOptions, RowStream } from './row-stream.ts';

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
 * Reads the rows of all files, in the order given, as one dataset into memory; large ones belong into `storeDataset`.
 * Streams with bounds, pauses for the event loop.
 * @throws BadInputError DATASET_NOT_FOUND, DATASET_NOT_READABLE, DATASET_EMPTY, DATASET_UNPARSABLE (message and
 *   details name the line), DATASET_FORMAT_UNSUPPORTED, DATASET_DUPLICATE_COLUMN, DATASET_TOO_LARGE. The signal's reason when aborted.
 */
export async function readDatasetFiles(files: readonly DataFile[], options: ReadOptions = {}): Promise<Dataset> {
  const { signal } = options;
  const stream = new RowStream(files, options);
  let rows: Row[] = [];
  for await (const row of stream) rows.push(row);
  checkFilled(stream);
  const { columns } = stream;
  if (stream.isRagged) {
    const pacer = new Pacer();
    const whole: Row[] = [];
    for (const row of rows) {
      whole.push(filled(row, columns));
      if (pacer.due) await pacer.turn(signal);
    }
    rows = whole;
  }
  return { rows, columns, digest: await rowsDigestAsync(rows, signal) };
}
