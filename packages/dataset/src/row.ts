import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '@tuning/protocol';
import { runInSlices, runNow, type Steps } from './slices.ts';

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

function* jsonLineSteps(rows: readonly Row[]): Steps<Uint8Array> {
  const parts: Buffer[] = [];
  for (const row of rows) {
    parts.push(Buffer.from(`${rowLine(row)}\n`));
    yield;
  }
  return Buffer.concat(parts);
}

function* digestSteps(rows: readonly Row[]): Steps<string> {
  const hash = createHash('sha256');
  for (const row of rows) {
    hash.update(`${rowLine(row)}\n`);
    yield;
  }
  return hash.digest('hex');
}

/** JSON lines with the same bytes for the same rows: `rowLine` and a line feed for each, UTF-8. */
export function toJsonLines(rows: readonly Row[]): Uint8Array {
  return runNow(jsonLineSteps(rows));
}

/** `toJsonLines` for a daemon: pauses for the event loop. */
export function toJsonLinesAsync(rows: readonly Row[], signal?: AbortSignal): Promise<Uint8Array> {
  return runInSlices(jsonLineSteps(rows), signal);
}

/** sha256 of `toJsonLines(rows)`, hex: also the sha256 of the file that holds these bytes. */
export function rowsDigest(rows: readonly Row[]): string {
  return runNow(digestSteps(rows));
}

/** `rowsDigest` for a daemon: pauses for the event loop. */
export function rowsDigestAsync(rows: readonly Row[], signal?: AbortSignal): Promise<string> {
  return runInSlices(digestSteps(rows), signal);
}
