import { z } from 'zod';
import type { Row } from '../../row.ts';
import type { Refusal } from '../generator.ts';

/** Rows taken from one answer; what a model writes beyond is not read. */
const MAX_ROWS = 64;
/** Openings of JSON without an end that are tried, so that a hostile answer costs little. */
const MAX_FAILURES = 16;

/** What of an answer may become rows: JSON values in the text, arrays and `{"rows": …}` opened. */
export function valuesIn(answer: string): unknown[] {
  const values: unknown[] = [];
  let failures = 0;
  for (let at = 0; at < answer.length && failures < MAX_FAILURES && values.length < MAX_ROWS; at++) {
    if (answer[at] !== '{' && answer[at] !== '[') continue;
    const end = endOfValue(answer, at);
    const value = end === undefined ? undefined : parsed(answer.slice(at, end));
    if (value === undefined || end === undefined) {
      failures++;
      continue;
    }
    values.push(...opened(value));
    at = end - 1;
  }
  return values.slice(0, MAX_ROWS);
}

function opened(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  const rows = typeof value === 'object' && value !== null && Object.hasOwn(value, 'rows') && (value as Row)['rows'];
  return Array.isArray(rows) ? rows : [value];
}

/** Index behind the bracket that closes the one at `from`; undefined where none does. */
function endOfValue(text: string, from: number): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') depth++;
    else if ((char === '}' || char === ']') && --depth === 0) return at + 1;
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Checks one value: exactly the fields, all text, within bounds, with an answer. */
export function rowChecker(
  fields: readonly string[],
  answerField: string,
  maxChars: number,
): (value: unknown) => Row | Refusal {
  const text = z.string().max(maxChars, 'too_long');
  const schema = z.strictObject(Object.fromEntries(fields.map((field) => [field, text])));
  return (value) => {
    const result = schema.safeParse(value);
    if (!result.success) {
      return result.error.issues.every(({ message }) => message === 'too_long') ? 'too_long' : 'wrong_fields';
    }
    const row: Row = Object.fromEntries(fields.map((field) => [field, result.data[field]!.trim()]));
    // A lone surrogate has no UTF-8 form: the row would change when it is written.
    if (Object.values(row).some((cell) => /\p{Surrogate}/u.test(cell as string))) return 'wrong_fields';
    return row[answerField] === '' ? 'empty_answer' : row;
  };
}
