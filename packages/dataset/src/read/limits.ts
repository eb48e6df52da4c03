import { basename } from 'node:path';
import { BadInputError } from '@tuning/kit';
import { LIMITS } from '@tuning/protocol';

/** Bounds on what is read. Bytes count after decompression. */
export interface ReadLimits {
  maxBytes: number;
  maxRows: number;
  maxRowBytes: number;
  /** Distinct columns of a dataset. */
  maxColumns: number;
}

/**
 * One row is decoded, parsed, written canonically and hashed in one go each. Up to 4 MiB (about a million tokens) each of
 * these takes under 50 ms; the 16 MiB that the protocol allows take 100 ms and more, measured on Node 20.
 */
const ROW_BYTES = 4 * 1024 ** 2;

export const READ_LIMITS: ReadLimits = {
  maxBytes: LIMITS.datasetBytes,
  maxRows: LIMITS.datasetRows,
  maxRowBytes: Math.min(LIMITS.rowBytes, ROW_BYTES),
  maxColumns: 1_000,
};

/** Values (cells, list items, members) of one row. A row of text has few; many cost far more time than their bytes say. */
export const MAX_ROW_VALUES = 10_000;

/** Objects and arrays inside a row may nest this deep; deeper ones would overflow the stack of whoever walks them. */
export const MAX_NESTING = 64;

export function unparsable(path: string, line: number, what: string, cause?: unknown): BadInputError {
  return new BadInputError('DATASET_UNPARSABLE', `${basename(path)}, line ${line}: ${what}`, {
    details: { file: basename(path), line },
    ...(cause === undefined ? {} : { cause }),
  });
}

export function tooLarge(path: string, what: string): BadInputError {
  return new BadInputError('DATASET_TOO_LARGE', `${basename(path)} ${what}; use a smaller dataset`, {
    details: { file: basename(path) },
  });
}
