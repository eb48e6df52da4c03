import { createHash } from 'node:crypto';
import { BadInputError } from '@tuning/kit';
import { type DatasetType, sha256Schema } from '@tuning/protocol';
import type { Row } from '../row.ts';
import { rowsDigestAsync } from '../row-lines.ts';
import { RowSelection, type Rows } from '../rows.ts';
import { augmentGenerator } from '../synthetic/augment-generator.ts';
import type { GenerationAccount, SyntheticGenerator } from '../synthetic/generator.ts';
import { requireSeed } from './random.ts';
import { SPLIT_VERSION, type SplitVersion, splitRowsAsync } from './split.ts';

/** What a seal binds. Digests are `rowsDigest` of the rows, hex. */
export interface SealParts {
  /** How seed and rows became the split; the seal's own format has the same number. */
  splitVersion: SplitVersion;
  /** 32 bytes, secret until the deadline. */
  seed: Uint8Array;
  datasetDigest: string;
  trainDigest: string;
  testDigest: string;
  syntheticDigest: string;
}

export type SealDigests = Omit<SealParts, 'seed' | 'splitVersion'>;

/** What a seed makes of a dataset. Only `train` is ever published. */
export interface SealedSplit<Train extends Rows = Rows> extends SealParts {
  seal: string;
  /** An array where the rows were one; else a selection of them. */
  train: Train;
  test: Row[];
  synthetic: Row[];
  /** How the synthetic rows came to be; no part of the seal. */
  account: GenerationAccount;
}

/**
 * sha256 over 174 bytes, hex: `tuning/seal/<split version>\0` (14 bytes, the last one NUL) ‖ seed (32 raw bytes) ‖
 * dataset ‖ train ‖ test ‖ synthetic digest (32 raw bytes each).
 * @throws BadInputError SEED_INVALID, DIGEST_INVALID.
 */
export function sealOf(parts: SealParts): string {
  requireSeed(parts.seed);
  const hash = createHash('sha256').update(`tuning/seal/${parts.splitVersion}\0`).update(parts.seed);
  for (const name of ['datasetDigest', 'trainDigest', 'testDigest', 'syntheticDigest'] as const) {
    if (!sha256Schema.safeParse(parts[name]).success) {
      throw new BadInputError('DIGEST_INVALID', `${name} is not a sha256 in lower-case hex`);
    }
    hash.update(parts[name], 'hex');
  }
  return hash.digest('hex');
}

export interface SplitArgs<Given extends Rows = Rows> {
  rows: Given;
  type: DatasetType;
  seed: Uint8Array;
  /** Synthetic rows asked for; the seal is over those that could be made. */
  syntheticCount: number;
  /** Default: `augment`. What no seed rebuilds is checked with `givenRows`. */
  generator?: SyntheticGenerator;
  /** Default: SPLIT_VERSION. An old receipt names none and has 1. */
  splitVersion?: SplitVersion;
}

/**
 * Splits, synthesises and seals. The same arguments give the same result, unless the generator says that it is not replayable. Pauses for the event loop.
 * @throws BadInputError DATASET_TOO_SMALL, SEED_INVALID, DATASET_TYPE_INVALID; the signal's reason when aborted.
 */
export function sealSplit(args: SplitArgs<readonly Row[]>, signal?: AbortSignal): Promise<SealedSplit<Row[]>>;
export function sealSplit(args: SplitArgs, signal?: AbortSignal): Promise<SealedSplit>;
export async function sealSplit(args: SplitArgs, signal?: AbortSignal): Promise<SealedSplit> {
  const { rows, type, seed, splitVersion = SPLIT_VERSION } = args;
  const split = await splitRowsAsync(rows, seed, { type, version: splitVersion }, signal);
  const selected = new RowSelection(rows, split.train);
  const train = Array.isArray(rows) ? [...selected] : selected;
  const test = [...new RowSelection(rows, split.test)];
  const { generator = augmentGenerator, syntheticCount: count } = args;
  const made = await generator.generate({ rows: train, type, seed, count, avoid: test }, signal);
  const parts: SealParts = {
    splitVersion,
    seed,
    datasetDigest: await rowsDigestAsync(rows, signal),
    trainDigest: await rowsDigestAsync(train, signal),
    testDigest: await rowsDigestAsync(test, signal),
    syntheticDigest: await rowsDigestAsync(made.rows, signal),
  };
  return { ...parts, seal: sealOf(parts), train, test, synthetic: made.rows, account: made.account };
}

export interface SplitCheck {
  ok: boolean;
  /** One sentence for each thing that differs. */
  problems: string[];
}

/**
 * Rebuilds the split from a revealed seed and compares it with what was sealed before the first offer.
 * @param claimed the seal, and any of the digests that a receipt names.
 */
export async function verifySplit(
  args: SplitArgs & { seal: string; claimed?: Partial<SealDigests> },
  signal?: AbortSignal,
): Promise<SplitCheck> {
  const rebuilt = await sealSplit(args, signal);
  const problems: string[] = [];
  for (const [name, claimed] of Object.entries({ ...args.claimed, seal: args.seal })) {
    const found = rebuilt[name as keyof SealDigests | 'seal'];
    if (claimed !== found) problems.push(`${name}: ${claimed} was claimed, the revealed seed gives ${found}`);
  }
  return { ok: problems.length === 0, problems };
}
