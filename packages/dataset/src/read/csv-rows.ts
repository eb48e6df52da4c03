import { Readable } from 'node:stream';
import { BadInputError, errorCode, errorMessage } from '@tuning/kit';
import { CsvError, parse } from 'csv-parse';
import type { Row } from '../row.ts';
import { fileChunks, type OnBytes } from './file-chunks.ts';
import { type ReadLimits, tooLarge, unparsable } from './limits.ts';
import { utf8Text } from './utf8-text.ts';

/**
 * Rows of a CSV file (RFC 4180: comma, double quotes, quoted line ends; tab for `.tsv`) whose first record names the
 * columns. All values are strings; an empty cell is ''. Every record must have as many cells as there are columns.
 */
export async function* csvRows(
  path: string,
  limits: ReadLimits,
  signal?: AbortSignal,
  onBytes?: OnBytes,
): AsyncGenerator<Row> {
  const parser = parse({
    delimiter: /\.tsv(\.\w+)?$/i.test(path) ? '\t' : ',',
    record_delimiter: ['\r\n', '\n', '\r'],
    skip_empty_lines: true,
    max_record_size: limits.maxRowBytes,
    columns: (header: string[]) => checkedHeader(path, header, limits),
  });
  const guard = new RecordGuard(path, limits, () => ({
    records: parser.info.records + parser.info.empty_lines,
    line: parser.info.lines,
  }));
  const source = Readable.from(guard.watched(textOf(path, limits, signal, onBytes)), { objectMode: false });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    // csv-parse's objects come from assignments; `__proto__` as a column name is refused in the header.
    for await (const row of parser as AsyncIterable<Row>) yield row;
  } catch (error) {
    throw error instanceof CsvError ? csvFault(path, error, limits) : error;
  } finally {
    source.destroy();
    parser.destroy();
  }
}

/** The parser takes text this far ahead of the records that come out. */
const AHEAD_BYTES = 256 * 1024;

/**
 * Refuses a record of too many bytes. csv-parse's own limit counts the text of cells and not the commas between them, so
 * that 200 MB of commas would become as many cells.
 */
class RecordGuard {
  readonly #path: string;
  readonly #limits: ReadLimits;
  readonly #parsed: () => { records: number; line: number };

  constructor(path: string, limits: ReadLimits, parsed: () => { records: number; line: number }) {
    this.#path = path;
    this.#limits = limits;
    this.#parsed = parsed;
  }

  async *watched(text: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const most = this.#limits.maxRowBytes;
    let [since, before] = [0, 0];
    for await (const part of text) {
      const { records, line } = this.#parsed();
      if (records !== before) since = 0;
      before = records;
      since += part.length;
      if (since > most + AHEAD_BYTES)
        throw tooLarge(this.#path, `has a row of more than ${most} bytes at line ${line}`);
      yield part;
    }
  }
}

/** csv-parse turns all it is given into rows before it lets go of the event loop; tiny rows make that slow. */
const PARSED_AT_ONCE_BYTES = 8 * 1024;

async function* textOf(
  path: string,
  limits: ReadLimits,
  signal?: AbortSignal,
  onBytes?: OnBytes,
): AsyncGenerator<Buffer> {
  for await (const bytes of utf8Text(path, fileChunks(path, limits, signal, onBytes))) {
    for (let at = 0; at < bytes.length; at += PARSED_AT_ONCE_BYTES) yield bytes.subarray(at, at + PARSED_AT_ONCE_BYTES);
  }
}

function checkedHeader(path: string, header: string[], limits: ReadLimits): string[] {
  const seen = new Set<string>();
  if (header.length > limits.maxColumns) throw tooLarge(path, `has more than ${limits.maxColumns} columns`);
  for (const name of header) {
    if (name === '') throw unparsable(path, 1, 'a column has no name: name every column in the first line');
    if (name === '__proto__') throw unparsable(path, 1, 'a column is named "__proto__": rename it');
    if (seen.has(name)) {
      throw new BadInputError(
        'DATASET_DUPLICATE_COLUMN',
        `the column "${name}" stands twice in the first line: rename one`,
        {
          details: { column: name },
        },
      );
    }
    seen.add(name);
  }
  return header;
}

function csvFault(path: string, error: CsvError, limits: ReadLimits): BadInputError {
  const facts = error as unknown as { lines?: number; record?: unknown[]; columns?: unknown[] };
  const line = facts.lines ?? 1;
  const code = errorCode(error);
  if (code === 'CSV_MAX_RECORD_SIZE') {
    return tooLarge(path, `has a row of more than ${limits.maxRowBytes} bytes at line ${line} (an open quote?)`);
  }
  if (code === 'CSV_RECORD_INCONSISTENT_COLUMNS' || code === 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH') {
    const cells = `${facts.record?.length ?? 'another number of'} cells, the first line names ${facts.columns?.length ?? 'other'} columns`;
    return unparsable(path, line, `the record has ${cells}`, error);
  }
  if (code === 'CSV_QUOTE_NOT_CLOSED') return unparsable(path, line, 'a quote is not closed', error);
  return unparsable(path, line, errorMessage(error).slice(0, 200), error);
}
