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

export const READ_LIMITS: ReadLimits = {
  maxBytes: LIMITS.datasetBytes,
  maxRows: LIMITS.datasetRows,
  maxRowBytes: LIMITS.rowBytes,
  maxColumns: 1_000,
};

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
