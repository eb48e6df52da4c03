import type { DecodedArray } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { convert } from 'hyparquet/src/convert.js';
import { getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import { type ColumnDecoder, checkHeader, decodePage } from './page.ts';
import { ThriftCut, thriftLength } from './thrift-bounds.ts';

/** Bytes of a range of the file. @throws Error where the file has fewer. */
export type ReadRange = (start: number, length: number) => Promise<Buffer>;

/** Headers hold statistics, which may have a whole value in them. */
const HEADER_BYTES = { first: 4 * 1024, most: 1024 ** 2 };
const MAX_HEADER_VALUES = 100;
/** Read at once where pages are smaller. */
const AHEAD_BYTES = 256 * 1024;

/** One column chunk, page by page: no more than a page and a dictionary of it in memory. */
export class ColumnPages {
  readonly column: ColumnDecoder;
  readonly #read: ReadRange;
  readonly #end: number;
  readonly #isNested: boolean;
  #offset: number;
  #ahead: Buffer = Buffer.alloc(0);
  #aheadStart = 0;
  #dictionary: DecodedArray | undefined;
  #values: DecodedArray = [];
  #taken = 0;
  /** Unpacked bytes of the pages so far. */
  unpacked = 0;

  constructor(column: ColumnDecoder, read: ReadRange, range: { start: number; length: number }) {
    this.column = column;
    this.#read = read;
    this.#offset = range.start;
    this.#end = range.start + range.length;
    this.#isNested = getMaxRepetitionLevel(column.schemaPath) > 0;
  }

  get hasEnded(): boolean {
    return this.#offset >= this.#end;
  }

  /** Rows that `take` can give: the last one of a nested column may go on in the next page. */
  get ready(): number {
    return this.#values.length - this.#taken - (this.#isNested && !this.hasEnded ? 1 : 0);
  }

  take(rows: number): DecodedArray {
    const from = this.#taken;
    this.#taken += rows;
    return this.#values.slice(from, this.#taken) as DecodedArray;
  }

  /** Reads pages until there is a row or the chunk ends. @throws Error with what is wrong with the bytes. */
  async fill(): Promise<void> {
    while (this.ready <= 0 && !this.hasEnded) await this.#page();
  }

  async #page(): Promise<void> {
    const { header, length } = await this.#header();
    checkHeader(header);
    const packed = header.compressed_page_size;
    if (this.#offset + length + packed > this.#end) throw new Error('a page goes beyond its column');
    const body = await this.#bytes(this.#offset + length, packed);
    this.#offset += length + packed;
    this.unpacked += header.uncompressed_page_size;
    if (header.type === 'DICTIONARY_PAGE') {
      if (this.#dictionary) throw new Error('a column has two dictionaries');
      this.#dictionary = convert(decodePage(body, header, this.column, undefined, undefined), this.column);
      return;
    }
    const claimed = (header.data_page_header_v2 ?? header.data_page_header)?.num_values;
    if (claimed === 0) return;
    const rest = this.#values.slice(this.#taken) as DecodedArray;
    this.#taken = 0;
    if (this.#isNested) {
      this.#values = decodePage(body, header, this.column, this.#dictionary, Array.from(rest as ArrayLike<unknown>));
      return;
    }
    const values = decodePage(body, header, this.column, this.#dictionary, undefined);
    if (values.length !== claimed) throw new Error(`a page has ${values.length} values, its header names ${claimed}`);
    this.#values = values;
  }

  async #header() {
    for (let length = HEADER_BYTES.first; ; length *= 16) {
      const bytes = await this.#bytes(this.#offset, Math.min(length, this.#end - this.#offset));
      try {
        const size = thriftLength(bytes, 0, MAX_HEADER_VALUES);
        const view = new DataView(bytes.buffer, bytes.byteOffset, size);
        return { header: parquetHeader({ view, offset: 0 }), length: size };
      } catch (error) {
        if (!(error instanceof ThriftCut) || length >= HEADER_BYTES.most || bytes.length < length) throw error;
      }
    }
  }

  async #bytes(start: number, length: number): Promise<Buffer> {
    const from = start - this.#aheadStart;
    if (from >= 0 && from + length <= this.#ahead.length) return this.#ahead.subarray(from, from + length);
    // Not into the same memory again: decoded numbers may still be views of it.
    this.#ahead = await this.#read(start, Math.max(length, Math.min(AHEAD_BYTES, this.#end - start)));
    this.#aheadStart = start;
    return this.#ahead.subarray(0, length);
  }
}
