import { type JsonCutter, type JsonPiece, PartialRow } from './json-scanner.ts';
import { type ReadLimits, unparsable } from './limits.ts';

const BYTE = {
  quote: 0x22,
  backslash: 0x5c,
  openObject: 0x7b,
  closeObject: 0x7d,
  openArray: 0x5b,
  closeArray: 0x5d,
  comma: 0x2c,
  lineFeed: 0x0a,
} as const;
const isSpace = (byte: number) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === BYTE.lineFeed;

/** `open`: before `[`. `first`: after `[`. `row`: inside a row. `after`: behind a row. `next`: after a comma. */
type Place = 'open' | 'first' | 'row' | 'after' | 'next' | 'closed';

/**
 * Cuts `[{…}, {…}]` at the top-level objects by counting brackets outside strings. What is between the brackets of a
 * row is left to JSON.parse; what is between rows is checked here.
 */
export class JsonArrayCutter implements JsonCutter {
  readonly #path: string;
  readonly #partial: PartialRow;
  #place: Place = 'open';
  #line: number;
  #rowLine = 1;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** `line`: of the first byte. */
  constructor(path: string, limits: ReadLimits, line = 1) {
    this.#line = line;
    this.#path = path;
    this.#partial = new PartialRow(path, limits);
  }

  *push(chunk: Buffer): Iterable<JsonPiece> {
    let rowStart = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.#place !== 'row') {
        if (isSpace(byte)) {
          if (byte === BYTE.lineFeed) this.#line++;
          continue;
        }
        this.#between(byte);
        rowStart = i;
      } else if (this.#inside(byte)) {
        this.#partial.add(chunk.subarray(rowStart, i + 1), this.#rowLine);
        this.#place = 'after';
        yield { bytes: this.#partial.take(), line: this.#rowLine };
      }
    }
    if (this.#place === 'row') this.#partial.add(Buffer.from(chunk.subarray(rowStart)), this.#rowLine);
  }

  end(): Iterable<JsonPiece> {
    if (this.#place === 'row') throw unparsable(this.#path, this.#rowLine, 'the file ends inside this row');
    if (this.#place !== 'closed') throw unparsable(this.#path, this.#line, 'the file ends before the closing "]"');
    return [];
  }

  #between(byte: number): void {
    const place = this.#place;
    if (place === 'open' && byte === BYTE.openArray) this.#place = 'first';
    else if ((place === 'first' || place === 'next') && byte === BYTE.openObject) {
      this.#place = 'row';
      this.#depth = 1;
      this.#rowLine = this.#line;
    } else if (place === 'after' && byte === BYTE.comma) this.#place = 'next';
    else if ((place === 'first' || place === 'after') && byte === BYTE.closeArray) this.#place = 'closed';
    else throw unparsable(this.#path, this.#line, this.#expected(byte));
  }

  #expected(byte: number): string {
    if (byte === 0) return 'has a NUL byte: save the file as UTF-8 text';
    const wanted = {
      open: '"["',
      first: 'an object or "]"',
      row: '',
      after: '"," or "]"',
      next: 'an object',
      closed: '',
    };
    if (this.#place === 'closed') return 'there is text after the closing "]"';
    return `expected ${wanted[this.#place]}: the file must be one array of objects`;
  }

  /** True when this byte ends the row. */
  #inside(byte: number): boolean {
    if (byte === BYTE.lineFeed) this.#line++;
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BYTE.backslash) this.#escaped = true;
      else if (byte === BYTE.quote) this.#inString = false;
      return false;
    }
    if (byte === BYTE.quote) this.#inString = true;
    else if (byte === BYTE.openObject || byte === BYTE.openArray) this.#depth++;
    else if (byte === BYTE.closeObject || byte === BYTE.closeArray) this.#depth--;
    return this.#depth === 0;
  }
}
