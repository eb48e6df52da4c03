import { createHash } from 'node:crypto';
import { BadInputError } from '@tuning/kit';
import { LIMITS } from '@tuning/protocol';
import { type Row, rowLine } from '../row.ts';
import { runInSlices, runNow, type Steps } from '../slices.ts';
import { SeededRandom, shuffleSteps } from './random.ts';

/**
 * Size of the test set. 10 %, but at least 20 rows, since the noise of a mean over fewer hides differences between
 * miners; at most 1,000, which bounds the cost of measuring; never more than a quarter, so that there is something left to
 * train on (that decides under 80 rows).
 */
export const SPLIT_RULE = { share: 0.1, minTestRows: 20, maxTestRows: 1_000, maxShare: 0.25 } as const;

/** Ascending row indices; together all rows, none twice. */
export interface Split {
  train: number[];
  test: number[];
}

export function testSize(rows: number): number {
  const { share, minTestRows, maxTestRows, maxShare } = SPLIT_RULE;
  const wanted = Math.min(maxTestRows, Math.max(minTestRows, Math.round(rows * share)));
  return Math.min(wanted, Math.floor(rows * maxShare));
}

/**
 * Splits rows by a secret seed. Rows that are exactly equal (canonical JSON) form a group and stay on one side. Groups in
 * order of first appearance are shuffled (SeededRandom, label `split`); test takes them in that order as long as they
 * fit into `testSize`, passing over a group that is too big. The rest is train.
 * @throws BadInputError DATASET_TOO_SMALL for fewer than 20 distinct rows, SEED_INVALID.
 */
export function splitRows(rows: readonly Row[], seed: Uint8Array): Split {
  return runNow(splitSteps(rows, seed));
}

/** `splitRows` for a daemon: pauses for the event loop. */
export function splitRowsAsync(rows: readonly Row[], seed: Uint8Array, signal?: AbortSignal): Promise<Split> {
  return runInSlices(splitSteps(rows, seed), signal);
}

function* splitSteps(rows: readonly Row[], seed: Uint8Array): Steps<Split> {
  const groups = new Map<string, number[]>();
  for (const [index, row] of rows.entries()) {
    const key = createHash('sha256').update(rowLine(row)).digest('base64');
    const group = groups.get(key);
    if (group) group.push(index);
    else groups.set(key, [index]);
    yield;
  }
  if (groups.size < LIMITS.datasetMinRows) {
    throw new BadInputError(
      'DATASET_TOO_SMALL',
      `the dataset has ${groups.size} distinct rows, a tournament needs at least ${LIMITS.datasetMinRows}`,
      { details: { rows: rows.length, distinct: groups.size } },
    );
  }
  const shuffled = yield* shuffleSteps([...groups.values()], new SeededRandom(seed, 'split'));
  const size = testSize(rows.length);
  const inTest = new Uint8Array(rows.length);
  let taken = 0;
  for (const group of shuffled) {
    if (taken + group.length > size) continue;
    for (const index of group) inTest[index] = 1;
    taken += group.length;
    if (taken === size) break;
    yield;
  }
  const split: Split = { train: [], test: [] };
  for (let index = 0; index < rows.length; index++) {
    (inTest[index] ? split.test : split.train).push(index);
    yield;
  }
  if (taken === 0) {
    throw new BadInputError('DATASET_TOO_SMALL', 'nearly all rows are copies of each other: remove exact duplicates');
  }
  return split;
}
