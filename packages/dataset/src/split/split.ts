import { createHash } from 'node:crypto';
import { BadInputError } from '@tuning/kit';
import { type DatasetType, LIMITS } from '@tuning/protocol';
import { nearDuplicateSteps } from '../near-duplicates/near-duplicates.ts';
import { rowTexts } from '../near-duplicates/row-texts.ts';
import { lineOf, type Rows } from '../rows.ts';
import { QUICK_ROWS, runInSlices, runNow, type Steps } from '../slices.ts';
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
 * Versions of the split, part of the seal: 1 kept exactly equal rows on one side, 2 keeps near-duplicates there too. New
 * tasks get the last; the others are kept, so that old receipts can be checked.
 */
export const splitVersions = [1, 2] as const;
export type SplitVersion = (typeof splitVersions)[number];
export const SPLIT_VERSION: SplitVersion = 2;

export interface SplitOptions {
  /** Rows are compared in what this type reads of them; all columns where it is left out. */
  type?: DatasetType;
  /** Default: SPLIT_VERSION. */
  version?: SplitVersion;
}

/**
 * Splits rows by a secret seed. Near-duplicates (`nearDuplicateSteps`; in version 1 only rows of equal canonical JSON) form
 * a group and stay on one side. Groups in order of first appearance are shuffled (SeededRandom, label `split`); test takes
 * them in that order as long as they fit into `testSize`, passing over a group that is too big. The rest is train.
 * @throws BadInputError DATASET_TOO_SMALL for fewer than 20 groups, SEED_INVALID.
 */
export function splitRows(rows: Rows, seed: Uint8Array, options: SplitOptions = {}): Split {
  return runNow(splitSteps(rows, seed, options));
}

/** `splitRows` for a daemon: pauses for the event loop. */
export function splitRowsAsync(
  rows: Rows,
  seed: Uint8Array,
  options: SplitOptions = {},
  signal?: AbortSignal,
): Promise<Split> {
  return runInSlices(splitSteps(rows, seed, options), signal);
}

function* splitSteps(rows: Rows, seed: Uint8Array, options: SplitOptions): Steps<Split> {
  const version = options.version ?? SPLIT_VERSION;
  const firstOf = version === 1 ? yield* exactSteps(rows) : yield* nearDuplicateSteps(rowTexts(rows, options.type));
  // A group goes by the number of its first row, so that numbers are all that is kept of groups.
  const sizes = new Uint32Array(rows.length);
  let groups = 0;
  for (let index = 0; index < rows.length; index++) {
    if (sizes[firstOf[index]!]!++ === 0) groups++;
    if (index % QUICK_ROWS === 0) yield;
  }
  if (groups < LIMITS.datasetMinRows) {
    throw new BadInputError(
      'DATASET_TOO_SMALL',
      `the dataset has ${groups} rows that are not near copies of each other, a tournament needs at least ${LIMITS.datasetMinRows}`,
      { details: { rows: rows.length, distinct: groups } },
    );
  }
  const firsts = new Uint32Array(groups);
  for (let index = 0, at = 0; index < rows.length; index++) {
    if (firstOf[index] === index) firsts[at++] = index;
    if (index % QUICK_ROWS === 0) yield;
  }
  const shuffled = yield* shuffleSteps(firsts, new SeededRandom(seed, 'split'));
  const size = testSize(rows.length);
  const inTest = new Uint8Array(rows.length);
  let taken = 0;
  for (const first of shuffled) {
    if (taken + sizes[first]! > size) continue;
    inTest[first] = 1;
    taken += sizes[first]!;
    if (taken === size) break;
    yield;
  }
  const split: Split = { train: [], test: [] };
  for (let index = 0; index < rows.length; index++) {
    (inTest[firstOf[index]!] ? split.test : split.train).push(index);
    yield;
  }
  if (taken === 0) {
    throw new BadInputError('DATASET_TOO_SMALL', 'nearly all rows are copies of each other: remove duplicates');
  }
  return split;
}

/** For each row the number of the first one of equal canonical JSON: the groups of version 1. */
function* exactSteps(rows: Rows): Steps<Int32Array> {
  const firsts = new Map<string, number>();
  const firstOf = new Int32Array(rows.length);
  for (let index = 0; index < rows.length; index++) {
    const key = createHash('sha256').update(lineOf(rows, index)).digest('base64');
    const first = firsts.get(key) ?? index;
    firsts.set(key, first);
    firstOf[index] = first;
    yield;
  }
  return firstOf;
}
