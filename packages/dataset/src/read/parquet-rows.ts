import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { BadInputError, errorMessage, isTuningError } from '@tuning/kit';
import { type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Row } from '../row.ts';
import { requireFile } from './file-chunks.ts';
import { MAX_NESTING, MAX_ROW_VALUES, type ReadLimits, tooLarge } from './limits.ts';

/** A row group is decoded as a whole in memory; writers keep them near 100 MB, `datasets` at 1,000 rows. */
const MAX_ROW_GROUP_BYTES = 256 * 1024 ** 2;
const MAX_FOOTER_BYTES = 16 * 1024 ** 2;

/**
 * Rows of a parquet file, one row group in memory at a time. Decoding a row group holds the event loop for the time of its
 * largest column chunk. INT64 becomes a number (text where it is not exact), dates become ISO text, NaN becomes null.
 */
export async function* parquetRows(path: string, limits: ReadLimits, signal?: AbortSignal): AsyncGenerator<Row> {
  signal?.throwIfAborted();
  await requireFile(path);
  const handle = await open(path);
  try {
    const file = { byteLength: (await handle.stat()).size, slice: sliceOf(handle) };
    await checkEnds(path, handle, file.byteLength, limits);
    const metadata = await orUnreadable(path, parquetMetadataAsync(file));
    checkSizes(path, metadata, limits);
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      signal?.throwIfAborted();
      const rowEnd = rowStart + Number(group.num_rows);
      const rows = await orUnreadable(
        path,
        parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors, parsers: { stringFromBytes } }),
      );
      for (const [i, row] of rows.entries()) yield plainRow(path, rowStart + i + 1, row, limits);
      rowStart = rowEnd;
    }
  } finally {
    await handle.close();
  }
}

const sliceOf =
  (handle: FileHandle) =>
  async (start: number, end = Number.POSITIVE_INFINITY): Promise<ArrayBuffer> => {
    const size = Math.max(0, Math.min(end, (await handle.stat()).size) - start);
    const buffer = new ArrayBuffer(size);
    const { bytesRead } = await handle.read(new Uint8Array(buffer), 0, size, start);
    if (bytesRead !== size) throw new Error('the file ends early');
    return buffer;
  };

const decoder = new TextDecoder('utf-8', { fatal: true });
const stringFromBytes = (bytes: Uint8Array | undefined) => bytes && decoder.decode(bytes);

function unreadable(path: string, what: string, cause?: unknown): BadInputError {
  return new BadInputError('DATASET_UNPARSABLE', `${basename(path)} is not a readable parquet file (${what})`, {
    details: { file: basename(path) },
    ...(cause === undefined ? {} : { cause }),
  });
}

async function orUnreadable<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isTuningError(error) ? error : unreadable(path, errorMessage(error).slice(0, 200), error);
  }
}

/** Magic at both ends and the length of the footer, before anything is allocated for it. */
async function checkEnds(path: string, handle: FileHandle, size: number, limits: ReadLimits): Promise<void> {
  if (size > limits.maxBytes) throw tooLarge(path, `has more than ${limits.maxBytes} bytes`);
  if (size === 0) throw new BadInputError('DATASET_EMPTY', `${basename(path)} is empty: give a dataset with rows`);
  if (size < 12) throw unreadable(path, 'too short');
  const tail = Buffer.alloc(8);
  await handle.read(tail, 0, 8, size - 8);
  if (tail.toString('latin1', 4) !== 'PAR1') throw unreadable(path, 'it does not end in PAR1');
  if (tail.readUInt32LE(0) > MAX_FOOTER_BYTES)
    throw tooLarge(path, `has a footer of more than ${MAX_FOOTER_BYTES} bytes`);
}

function checkSizes(path: string, metadata: FileMetaData, limits: ReadLimits): void {
  if (metadata.num_rows > limits.maxRows) throw tooLarge(path, `has more than ${limits.maxRows} rows`);
  let total = 0;
  let rows = 0;
  for (const group of metadata.row_groups) {
    let bytes = 0;
    for (const column of group.columns) bytes += Number(column.meta_data?.total_uncompressed_size ?? 0);
    if (bytes > MAX_ROW_GROUP_BYTES) throw tooLarge(path, `has a row group of more than ${MAX_ROW_GROUP_BYTES} bytes`);
    total += bytes;
    rows += Number(group.num_rows);
  }
  if (total > limits.maxBytes) throw tooLarge(path, `has more than ${limits.maxBytes} bytes unpacked`);
  if (rows > limits.maxRows) throw tooLarge(path, `has more than ${limits.maxRows} rows`);
}

/** The row in values that JSON can hold. */
function plainRow(path: string, number: number, row: Record<string, unknown>, limits: ReadLimits): Row {
  let chars = 0;
  let values = 0;
  const plain = (value: unknown, depth: number): unknown => {
    values++;
    if (value === null || value === undefined) return null;
    if (typeof value === 'string') {
      chars += value.length;
      return value;
    }
    if (typeof value === 'bigint') {
      const exact = BigInt(Number(value)) === value && Number.isSafeInteger(Number(value));
      return exact ? Number(value) : String(value);
    }
    if (typeof value === 'number') return Number.isFinite(value) ? value : null;
    if (typeof value === 'boolean') return value;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (value instanceof Uint8Array) throw unreadable(path, `row ${number} has binary data, not text`);
    if (depth > MAX_NESTING || values > MAX_ROW_VALUES)
      throw tooLarge(path, `has a row of too many values, row ${number}`);
    if (Array.isArray(value) || ArrayBuffer.isView(value)) {
      return Array.from(value as unknown as ArrayLike<unknown>, (item) => plain(item, depth + 1));
    }
    return Object.fromEntries(Object.entries(value as object).map(([key, member]) => [key, plain(member, depth + 1)]));
  };
  const made = plain(row, 0) as Row;
  if (chars > limits.maxRowBytes)
    throw tooLarge(path, `has a row of more than ${limits.maxRowBytes} bytes, row ${number}`);
  return made;
}
