import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { Row } from '../row.ts';
import type { ColumnType } from './column-type.ts';
import { packed, schemaOf } from './parquet-column.ts';

/** Written into every file; part of its bytes, so a change of it changes the sha256 of everything published. */
const CREATED_BY = 'tuning-subnet';

/**
 * One parquet file being written, a row group in memory at a time. Snappy, as hub tools expect; no statistics, indexes or
 * dates: the same rows in the same groups give the same bytes on any machine.
 */
export class ParquetFile {
  readonly #handle: FileHandle;
  readonly #columns: ReadonlyMap<string, ColumnType>;
  readonly #writer: ParquetWriter;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #rows = 0;

  private constructor(handle: FileHandle, columns: ReadonlyMap<string, ColumnType>) {
    this.#handle = handle;
    this.#columns = columns;
    const schema = [
      { name: 'schema', num_children: columns.size },
      ...[...columns].flatMap(([name, type]) => schemaOf(name, type)),
    ];
    this.#writer = new ParquetWriter({ writer: this.#sink(), schema, statistics: false, createdBy: CREATED_BY });
  }

  /** Replaces a file of that name. */
  static async create(path: string, columns: ReadonlyMap<string, ColumnType>): Promise<ParquetFile> {
    return new ParquetFile(await open(path, 'w', 0o644), columns);
  }

  /** One row group. */
  async write(rows: readonly Row[]): Promise<void> {
    const columnData = [...this.#columns].map(([name, type]) => ({
      name,
      data: rows.map((row) => packed(type, row[name])),
      offsetIndex: false,
    }));
    await this.#writer.write({ columnData, rowGroupSize: rows.length });
    this.#rows += rows.length;
  }

  /** Writes the footer; the file is on disk when this returns. */
  async end(): Promise<{ bytes: number; sha256: string; rows: number }> {
    await this.#writer.finish();
    await this.#handle.sync();
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex'), rows: this.#rows };
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Empties the library's buffer into the file after each row group. */
  #sink(): ByteWriter {
    const writer = new ByteWriter();
    const flush = async () => {
      const piece = writer.getBytes();
      this.#hash.update(piece);
      for (let at = 0; at < piece.length; ) {
        at += (await this.#handle.write(piece, at, piece.length - at, this.#bytes + at)).bytesWritten;
      }
      this.#bytes += piece.length;
      writer.index = 0;
    };
    return Object.assign(writer, { flush, finish: flush });
  }
}
