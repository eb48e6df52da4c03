import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { SchemaTree } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { writeColumn } from 'hyparquet-writer/src/column.js';
import { encodeNestedValues } from 'hyparquet-writer/src/dremel.js';
import { schemaPathResolver } from 'hyparquet-writer/src/schema.js';
import { snappyCompress } from 'hyparquet-writer/src/snappy.js';
import type { Row } from '../row.ts';
import type { Pacer } from '../slices.ts';
import type { ColumnType } from './column-type.ts';
import { packed, schemaOf } from './parquet-column.ts';

/** Written into every file; part of its bytes, so a change of it changes the sha256 of everything published. */
const CREATED_BY = 'tuning-subnet';
/** Unpacked values of one page. */
const PAGE_BYTES = 1024 ** 2;
const WARM_UP_ROWS = [20, 40, 80, 160] as const;

type ColumnEncoder = Parameters<typeof writeColumn>[0]['column'];

/**
 * One parquet file being written, a row group in memory at a time. Snappy, as hub tools expect; no statistics, indexes or
 * dates: the same rows in the same groups give the same bytes on any machine.
 */
export class ParquetFile {
  readonly #handle: FileHandle;
  readonly #columns: ReadonlyMap<string, ColumnType>;
  readonly #writer: ParquetWriter;
  /** Of each column, the ways from the root to what holds its values. */
  readonly #leaves: ReadonlyMap<string, SchemaTree[][]>;
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
    const pathTo = schemaPathResolver(schema);
    this.#leaves = new Map([...columns.keys()].map((name) => [name, leafPaths(pathTo([name]))]));
  }

  /** Replaces a file of that name. */
  static async create(path: string, columns: ReadonlyMap<string, ColumnType>): Promise<ParquetFile> {
    return new ParquetFile(await open(path, 'w', 0o644), columns);
  }

  /**
   * Encodes more and more of the first group for nothing, a turn of the event loop between: a column of it would take 40 ms
   * before this code is compiled, and 10 ms after.
   */
  async warmUp(rows: readonly Row[], pacer: Pacer, signal?: AbortSignal): Promise<void> {
    for (const count of WARM_UP_ROWS) await this.#encode(new ByteWriter(), rows.slice(0, count), pacer, signal);
  }

  /** One row group: what the library's own `write` does, but with a turn of the event loop before each column. */
  async write(rows: readonly Row[], pacer: Pacer, signal?: AbortSignal): Promise<void> {
    const { writer, row_groups: groups } = this.#writer;
    const start = writer.offset;
    const columns = await this.#encode(writer, rows, pacer, signal);
    groups.push({
      columns,
      total_byte_size: columns.reduce((sum, { meta_data: meta }) => sum + meta!.total_uncompressed_size, 0n),
      num_rows: BigInt(rows.length),
      total_compressed_size: BigInt(writer.offset - start),
    });
    this.#writer.num_rows += BigInt(rows.length);
    await writer.flush?.();
    this.#rows += rows.length;
  }

  async #encode(writer: ParquetWriter['writer'], rows: readonly Row[], pacer: Pacer, signal?: AbortSignal) {
    const chunks: ReturnType<typeof writeColumn>['chunk'][] = [];
    for (const [name, type] of this.#columns) {
      const data = rows.map((row) => packed(type, row[name]));
      for (const path of this.#leaves.get(name)!) {
        // Each time: a column may take all that a turn should.
        await pacer.turn(signal);
        const pageData = encodeNestedValues(path, data);
        chunks.push(writeColumn({ writer, column: this.#encoder(path), pageData }).chunk);
      }
    }
    return chunks;
  }

  #encoder(path: readonly SchemaTree[]): ColumnEncoder {
    const schemaPath = path.map(({ element }) => element);
    return {
      columnName: schemaPath
        .slice(1)
        .map(({ name }) => name)
        .join('.'),
      element: schemaPath.at(-1)!,
      schemaPath,
      codec: 'SNAPPY',
      compressors: { SNAPPY: snappyCompress },
      stats: false,
      pageSize: PAGE_BYTES,
      columnIndex: false,
      offsetIndex: false,
    };
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

function leafPaths(path: SchemaTree[]): SchemaTree[][] {
  const { children } = path.at(-1)!;
  return children.length === 0 ? [path] : children.flatMap((child) => leafPaths([...path, child]));
}
