import { createHash } from 'node:crypto';
import { type Row, rowLine } from './row.ts';
import { lineOf, type Rows } from './rows.ts';
import { runInSlices, runNow, type Steps } from './slices.ts';

function* jsonLineSteps(rows: readonly Row[]): Steps<Uint8Array> {
  const parts: Buffer[] = [];
  for (const row of rows) {
    parts.push(Buffer.from(`${rowLine(row)}\n`));
    yield;
  }
  return Buffer.concat(parts);
}

function* digestSteps(rows: Rows): Steps<string> {
  const hash = createHash('sha256');
  for (let index = 0; index < rows.length; index++) {
    hash.update(lineOf(rows, index)).update('\n');
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
export function rowsDigest(rows: Rows): string {
  return runNow(digestSteps(rows));
}

/** `rowsDigest` for a daemon: pauses for the event loop. */
export function rowsDigestAsync(rows: Rows, signal?: AbortSignal): Promise<string> {
  return runInSlices(digestSteps(rows), signal);
}
