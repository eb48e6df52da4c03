import { canonicalJson, type Json } from '@tuning/protocol';

/** One row as read: column name to value. CSV gives strings, JSON whatever it holds. */
export type Row = Record<string, unknown>;

/** The value of a column, undefined where the row has none. Safe for columns named like members of Object. */
export function cell(row: Row, column: string): unknown {
  return Object.hasOwn(row, column) ? row[column] : undefined;
}

/** Canonical JSON of a row: its identity. Keys sorted, no white space, no line end. */
export function rowLine(row: Row): string {
  return canonicalJson(row as Json);
}
