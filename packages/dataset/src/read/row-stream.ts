import { basename } from 'node:path';
import type { Row } from '../row.ts';
import { Pacer } from '../slices.ts';
import { contentOfFile, requireFile } from './file-chunks.ts';
import { jsonRows } from './json-rows.ts';
import { READ_LIMITS, type ReadLimits, tooLarge } from './limits.ts';

/** `csv` also reads `.tsv`; `json` is an array of objects or one object per line, told apart by the first character. */
export type DataFormat = 'csv' | 'json' | 'parquet';

export interface DataFile {
  path: string;
  /** What a text file holds. A parquet file is known by its first bytes, and so is gzip or zstd around any of them. */
  format: DataFormat;
}

/** How far reading has come. Bytes are those of the files on disk. */
export interface ReadProgress {
  rows: number;
  bytes: number;
  totalBytes: number;
}

export interface ReadOptions {
  signal?: AbortSignal;
  /** Default: LIMITS of the protocol. */
  limits?: Partial<ReadLimits>;
  /** Called a few times a second, and at the end. */
  onProgress?: (progress: ReadProgress) => void;
}

const PROGRESS_MS = 250;

/**
 * The rows of all files one after the other, each with the columns that its file gives it; one row and one chunk in
 * memory (of parquet: a page of each column).
 */
export class RowStream {
  readonly #files: readonly DataFile[];
  readonly #options: ReadOptions;
  readonly #columns = new Set<string>();
  readonly limits: ReadLimits;
  /** Names of the files, for messages. */
  readonly names: string;
  rows = 0;
  /** Cells that rows came with. */
  cells = 0;
  /** Whether a row has not all the columns. */
  isRagged = false;

  constructor(files: readonly DataFile[], options: ReadOptions) {
    this.#files = files;
    this.#options = options;
    this.limits = { ...READ_LIMITS, ...options.limits };
    this.names = files.map(({ path }) => basename(path)).join(', ');
  }

  /** In order of first appearance; whole when all rows have been read. */
  get columns(): string[] {
    return [...this.#columns];
  }

  /** To be walked once. Pauses for the event loop. @throws what `readDatasetFiles` names. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
    const { signal, onProgress } = this.#options;
    const sizes = await Promise.all(this.#files.map(({ path }) => requireFile(path)));
    const progress = { rows: 0, bytes: 0, totalBytes: sizes.reduce((sum, size) => sum + size, 0) };
    const pacer = new Pacer();
    let before = 0;
    let told = performance.now();
    for (const [number, file] of this.#files.entries()) {
      const onBytes = (bytes: number) => {
        progress.bytes = before + bytes;
      };
      for await (const row of await rowsOf(file, this.limits, signal, onBytes)) {
        this.#note(file.path, row);
        yield row;
        if (!pacer.due) continue;
        await pacer.turn(signal);
        if (performance.now() - told < PROGRESS_MS) continue;
        told = performance.now();
        onProgress?.({ ...progress, rows: this.rows });
      }
      before += sizes[number]!;
    }
    onProgress?.({ ...progress, bytes: progress.totalBytes, rows: this.rows });
  }

  #note(path: string, row: Row): void {
    const { maxRows, maxColumns } = this.limits;
    if (this.rows >= maxRows) throw tooLarge(path, `has more than ${maxRows} rows`);
    const before = this.#columns.size;
    const keys = Object.keys(row);
    for (const key of keys) this.#columns.add(key);
    if (this.#columns.size > maxColumns) throw tooLarge(path, `has more than ${maxColumns} columns`);
    this.isRagged ||= keys.length !== this.#columns.size || (this.rows > 0 && this.#columns.size !== before);
    this.cells += keys.length;
    this.rows++;
  }
}

async function rowsOf(
  { path, format }: DataFile,
  limits: ReadLimits,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<AsyncIterable<Row>> {
  signal?.throwIfAborted();
  const content = await contentOfFile(path);
  if (content === 'parquet' || format === 'parquet') {
    // Readers of other formats are loaded where there is such a file: every sealed job starts anew, and reads JSON lines.
    const { packedParquetRows, parquetRows } = await import('./parquet/parquet-rows.ts');
    return content === 'none' || content === 'parquet'
      ? parquetRows(path, limits, signal, onBytes)
      : packedParquetRows(path, limits, signal, onBytes);
  }
  if (format === 'csv') {
    const { csvRows } = await import('./csv-rows.ts');
    return csvRows(path, limits, signal, onBytes);
  }
  return jsonRows(path, limits, signal, onBytes);
}
