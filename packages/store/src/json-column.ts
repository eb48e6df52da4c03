import { BadInputError, TuningError } from '@tuning/kit';
import { z } from 'zod';

/** One JSON value: more would block the event loop for too long when parsed. A receipt with row losses is well below. */
const MAX_JSON_BYTES = 8 * 1024 ** 2;

/** JSON text of a value for a column. @throws BadInputError `STORE_VALUE_INVALID`, `STORE_VALUE_TOO_LARGE`. */
export function toJson(what: string, value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw new BadInputError('STORE_VALUE_INVALID', `${what} is not a JSON value`);
  if (text.length > MAX_JSON_BYTES) {
    throw new BadInputError(
      'STORE_VALUE_TOO_LARGE',
      `${what} is ${text.length} characters of JSON, the store takes ${MAX_JSON_BYTES}: keep it in a file and store its path`,
    );
  }
  return text;
}

/** JSON text, or null for null and undefined. */
export function toJsonOrNull(what: string, value: unknown): string | null {
  return value === null || value === undefined ? null : toJson(what, value);
}

const parsed = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
});

/** A TEXT column that holds JSON of the given schema. */
export const jsonColumn = <T extends z.ZodType>(schema: T) => parsed.pipe(schema);

/** A row parsed by its schema. @throws TuningError `STORE_CORRUPT_ROW` naming table and column. */
export function parseRow<T>(table: string, schema: z.ZodType<T>, row: unknown): T {
  const result = schema.safeParse(row);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new TuningError(
    'STORE_CORRUPT_ROW',
    `a row of the table ${table} does not have its form: ${issue?.path.join('.')} ${issue?.message}; the database was changed by something else, restore a copy`,
  );
}
