import { errorMessage } from '@tuning/kit';
import type { Row } from '../row.ts';
import { MAX_NESTING, MAX_ROW_VALUES, type ReadLimits, tooLarge, unparsable } from './limits.ts';

/** A JSON text of one row and the line it starts on (1-based). */
export interface JsonPiece {
  bytes: Buffer;
  line: number;
}

/** Cuts a byte stream into the JSON texts of its rows, without decoding more than one row at a time. */
export interface JsonCutter {
  push(chunk: Buffer): Iterable<JsonPiece>;
  end(): Iterable<JsonPiece>;
}

/** Bytes of a row that is not complete yet, bounded. */
export class PartialRow {
  readonly #path: string;
  readonly #limits: ReadLimits;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(path: string, limits: ReadLimits) {
    this.#path = path;
    this.#limits = limits;
  }

  get empty(): boolean {
    return this.#length === 0;
  }

  /** @throws BadInputError DATASET_TOO_LARGE when the row passes the limit. */
  add(part: Buffer, line: number): void {
    this.#length += part.length;
    if (this.#length > this.#limits.maxRowBytes) {
      throw tooLarge(this.#path, `has a row of more than ${this.#limits.maxRowBytes} bytes at line ${line}`);
    }
    if (part.length > 0) this.#parts.push(part);
  }

  take(): Buffer {
    const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return all;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The row in a JSON text.
 * @throws BadInputError DATASET_UNPARSABLE with the line, DATASET_TOO_LARGE for too many values.
 */
export function parsePiece(path: string, { bytes, line }: JsonPiece): Row {
  if (hasTooManyValues(bytes)) {
    throw tooLarge(path, `has a row of more than ${MAX_ROW_VALUES} values at line ${line}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    throw unparsable(path, line, whyNotJson(bytes, error), error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unparsable(path, line, 'a row must be a JSON object with column names and values');
  }
  const fault = faultIn(value, 0);
  if (fault) throw unparsable(path, line, fault);
  return value as Row;
}

/** A row this small is parsed in a few ms whatever it holds. */
const UNCHECKED_ROW_BYTES = 64 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** Whether a JSON text has more values than a row may: counts commas outside strings, before JSON.parse would spend its time on them. */
export function hasTooManyValues(bytes: Buffer): boolean {
  if (bytes.length <= UNCHECKED_ROW_BYTES) return false;
  let commas = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === COMMA && ++commas >= MAX_ROW_VALUES) return true;
    if (bytes[i] !== QUOTE) continue;
    i = endOfString(bytes, i);
    if (i < 0) return false;
  }
  return false;
}

/** Index of the closing quote of the string that opens at `start`, -1 where there is none. */
function endOfString(bytes: Buffer, start: number): number {
  for (let quote = bytes.indexOf(QUOTE, start + 1); quote >= 0; quote = bytes.indexOf(QUOTE, quote + 1)) {
    let before = quote;
    while (bytes[before - 1] === BACKSLASH) before--;
    if ((quote - before) % 2 === 0) return quote;
  }
  return -1;
}

function whyNotJson(bytes: Buffer, error: unknown): string {
  if (bytes.includes(0)) return 'has a NUL byte: save the file as UTF-8 text';
  if (error instanceof TypeError) return 'is not UTF-8: save the file as UTF-8 text';
  const hint = bytes.toString('latin1').trim() === '{' ? '; write each row as one line, or all rows as one array' : '';
  // V8 quotes the text it stumbled over; whoever named the file need not be allowed to read it.
  const reason = errorMessage(error)
    .replaceAll(/,? ?(\.\.\.)?".*$/gs, '')
    .slice(0, 200);
  return `not valid JSON (${reason})${hint}`;
}

/** What a canonical JSON text could not carry, or undefined. */
function faultIn(value: unknown, depth: number): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'a number is too large';
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > MAX_NESTING) return `nested more than ${MAX_NESTING} deep`;
  for (const member of Object.values(value)) {
    const fault = faultIn(member, depth + 1);
    if (fault) return fault;
  }
  return undefined;
}
