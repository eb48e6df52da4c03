import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BadInputError, errorMessage, isTuningError } from '@tuning/kit';
import type { FileMetaData } from 'hyparquet';
import type { Row } from '../../row.ts';
import { fileChunks, type OnBytes, requireFile } from '../file-chunks.ts';
import { type ReadLimits, tooLarge } from '../limits.ts';
import type { ReadRange } from './column-pages.ts';
import { readFooter } from './footer.ts';
import { FooterFault, ParquetFault, RowFault } from './parquet-fault.ts';
import { plainRow } from './plain-row.ts';
import { type Batch, RowGroup } from './row-group.ts';

/**
 * Rows of a parquet file: one page of each column, and its dictionary, in memory at a time. A page is decoded in one go,
 * which takes some ms for the 1 MiB that writers give it.
 * @throws BadInputError DATASET_UNPARSABLE, with the row before which it went wrong; DATASET_TOO_LARGE,
 *   DATASET_DUPLICATE_COLUMN, DATASET_EMPTY, DATASET_NOT_FOUND, DATASET_NOT_READABLE.
 */
export async function* parquetRows(
  path: string,
  limits: ReadLimits,
  signal?: AbortSignal,
  onBytes?: OnBytes,
): AsyncGenerator<Row> {
  signal?.throwIfAborted();
  const size = await requireFile(path);
  if (size > limits.maxBytes) throw tooLarge(path, `has more than ${limits.maxBytes} bytes`);
  if (size === 0) throw new BadInputError('DATASET_EMPTY', `${basename(path)} is empty: give a dataset with rows`);
  const handle = await open(path);
  let rows = 0;
  let chars = 0;
  let unpacked = 0;
  try {
    const read = rangeReader(handle);
    const metadata = await readFooter(read, size);
    checkClaims(path, metadata, limits);
    for (const group of metadata.row_groups) {
      const reader = new RowGroup(metadata, group, read);
      for (let batch = await reader.next(); batch; batch = await reader.next()) {
        signal?.throwIfAborted();
        if (unpacked + reader.unpacked > limits.maxBytes)
          throw tooLarge(path, `has more than ${limits.maxBytes} bytes unpacked`);
        for (const cells of cellsOf(batch)) {
          const plain = plainRow(cells, limits.maxRowBytes);
          // A dictionary lets a few bytes of the file stand for any number of long texts.
          chars += plain.chars;
          if (chars > limits.maxBytes) throw tooLarge(path, `has more than ${limits.maxBytes} bytes unpacked`);
          rows++;
          yield plain.row;
        }
      }
      unpacked += reader.unpacked;
      onBytes?.(Math.min(size, endOf(group)));
    }
  } catch (error) {
    throw refusal(path, rows, error, signal);
  } finally {
    await handle.close();
  }
}

/** Of a parquet file in gzip or zstd, which has to be unpacked before its end can be read: into a file of its own. */
export async function* packedParquetRows(
  path: string,
  limits: ReadLimits,
  signal?: AbortSignal,
  onBytes?: OnBytes,
): AsyncGenerator<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'tuning-parquet-'));
  try {
    const whole = join(folder, basename(path));
    await pipeline(
      Readable.from(fileChunks(path, limits, signal, onBytes), { objectMode: false }),
      createWriteStream(whole, { mode: 0o600 }),
    );
    yield* parquetRows(whole, limits, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function rangeReader(handle: FileHandle): ReadRange {
  return async (start, length) => {
    const bytes = Buffer.allocUnsafeSlow(length);
    let got = 0;
    while (got < length) {
      const { bytesRead } = await handle.read(bytes, got, length - got, start + got);
      if (bytesRead === 0) throw new Error('the file ends early');
      got += bytesRead;
    }
    return bytes;
  };
}

function* cellsOf({ count, columns }: Batch): Iterable<[string, unknown][]> {
  for (let i = 0; i < count; i++) yield columns.map(({ name, values }) => [name, values[i]]);
}

function endOf({ columns }: FileMetaData['row_groups'][number]): number {
  const ends = columns.map(
    ({ meta_data: meta }) => Number(meta!.data_page_offset) + Number(meta!.total_compressed_size),
  );
  return Math.max(0, ...ends);
}

/** What the footer says of sizes is held against the pages later; where it says too much, nothing has to be read. */
function checkClaims(path: string, metadata: FileMetaData, limits: ReadLimits): void {
  const names = new Set<string>();
  for (const { name } of topColumns(metadata)) {
    if (names.has(name)) {
      throw new BadInputError(
        'DATASET_DUPLICATE_COLUMN',
        `the column "${name}" stands twice in ${basename(path)}: rename one`,
        {
          details: { column: name },
        },
      );
    }
    names.add(name);
  }
  if (names.size > limits.maxColumns) throw tooLarge(path, `has more than ${limits.maxColumns} columns`);
  let [bytes, rows] = [0, 0];
  for (const group of metadata.row_groups) {
    for (const { meta_data: meta } of group.columns) bytes += Number(meta!.total_uncompressed_size);
    rows += Number(group.num_rows);
  }
  if (bytes > limits.maxBytes) throw tooLarge(path, `has more than ${limits.maxBytes} bytes unpacked`);
  if (rows > limits.maxRows || metadata.num_rows > limits.maxRows)
    throw tooLarge(path, `has more than ${limits.maxRows} rows`);
  if (BigInt(rows) !== metadata.num_rows) {
    throw new FooterFault(`it names ${metadata.num_rows} rows, its row groups have ${rows}`);
  }
}

function topColumns({ schema }: FileMetaData): FileMetaData['schema'] {
  const columns: FileMetaData['schema'] = [];
  let at = 1;
  const after = (index: number): number => {
    let next = index + 1;
    for (let child = 0; child < (schema[index]!.num_children ?? 0); child++) next = after(next);
    return next;
  };
  while (at < schema.length) {
    columns.push(schema[at]!);
    at = after(at);
  }
  return columns;
}

function refusal(path: string, rows: number, error: unknown, signal?: AbortSignal): unknown {
  if (isTuningError(error) || signal?.aborted) return error;
  const isRow = error instanceof RowFault;
  if (error instanceof ParquetFault && error.tooLarge) {
    return tooLarge(path, isRow ? `has a row of ${error.message}, row ${rows + 1}` : error.message);
  }
  const where = error instanceof FooterFault ? '' : `, row ${rows + 1} or after it`;
  return new BadInputError(
    'DATASET_UNPARSABLE',
    `${basename(path)} is not a readable parquet file${where} (${errorMessage(error).slice(0, 300)})`,
    { details: { file: basename(path), ...(where ? { row: rows + 1 } : {}) }, cause: error },
  );
}
