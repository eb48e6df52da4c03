import { blake2AsU8a } from '@polkadot/util-crypto';
import { toHex } from '../../../../scale/bytes.ts';
import type { RuntimeState } from '../../../runtime.ts';
import { type CallDescription, type Context, ensureSigned, type Origin } from '../../pallet.ts';
import { scaleCodecs } from '../../scale-types.ts';
import { lookAheadEpoch } from './epoch-schedule.ts';
import { ensure } from './errors.ts';
import { ensureMechanismExists, mechanismIndex } from './mechanism.ts';
import { setLastUpdate } from './neurons.ts';
import { subtensor as s } from './storage.ts';
import { completeBatch, setWeights, weightsRateLimitPassed } from './weights.ts';

/** Commit-reveal by hash: a validator commits to a hash and reveals what it hashed in the right epoch itself. */

/** Unrevealed commits that one hotkey may have. */
export const MAX_UNREVEALED = 10;

type Commit = [hash: string, epoch: bigint, block: bigint, unused: bigint];

interface MechanismArgs {
  netuid: number;
  mecid?: number;
}
export interface RevealArgs extends MechanismArgs {
  uids: number[];
  values: number[];
  salt: number[];
  version_key: bigint;
}
interface BatchRevealArgs {
  netuid: number;
  uids_list: number[][];
  values_list: number[][];
  salts_list: number[][];
  version_keys: bigint[];
}

/** blake2_256 over the SCALE tuple (get_commit_hash of subnets/weights.rs). */
export function commitHash(who: string, index: number, reveal: Omit<RevealArgs, 'netuid'>): string {
  const type = '(AccountId32, u16, Vec<u16>, Vec<u16>, Vec<u16>, u64)';
  const { uids, values, salt, version_key } = reveal;
  return toHex(blake2AsU8a(scaleCodecs.encode(type, [who, index, uids, values, salt, version_key]), 256));
}

export function isCommitExpired(state: RuntimeState, netuid: number, block: number, commitEpoch: bigint): boolean {
  return lookAheadEpoch(state, netuid, block) > commitEpoch + s.RevealPeriodEpochs.get(state, netuid);
}

export function isRevealEpoch(state: RuntimeState, netuid: number, block: number, commitEpoch: bigint): boolean {
  return lookAheadEpoch(state, netuid, block) === commitEpoch + s.RevealPeriodEpochs.get(state, netuid);
}

/** Splits off the expired commits at the head of a queue; those behind a live one stay. */
function dropExpired(state: RuntimeState, netuid: number, block: number, queue: readonly Commit[]) {
  const first = queue.findIndex(([, epoch]) => !isCommitExpired(state, netuid, block, epoch));
  const at = first < 0 ? queue.length : first;
  return { expired: queue.slice(0, at).map(([hash]) => hash), live: queue.slice(at) };
}

function commitWeights(context: Context, origin: Origin, args: MechanismArgs & { commit_hash: string }): void {
  const { state, block } = context;
  const { netuid, mecid = 0, commit_hash } = args;
  ensureMechanismExists(state, netuid, mecid);
  const index = mechanismIndex(netuid, mecid);
  const who = ensureSigned(origin);
  ensure(s.CommitRevealWeightsEnabled.get(state, netuid), 'CommitRevealDisabled');
  const uid = s.Uids.get(state, netuid, who);
  ensure(uid !== undefined, 'HotKeyNotRegisteredInSubNet');
  ensure(weightsRateLimitPassed(state, netuid, uid, block), 'CommittingWeightsTooFast');
  const { live } = dropExpired(state, netuid, block, s.WeightCommits.get(state, index, who) ?? []);
  ensure(live.length < MAX_UNREVEALED, 'TooManyUnrevealedCommits');
  live.push([commit_hash, lookAheadEpoch(state, netuid, block), BigInt(block), 0n]);
  s.WeightCommits.put(state, index, who, live);
  context.deposit('SubtensorModule', 'WeightsCommitted', [who, index, commit_hash]);
  setLastUpdate(state, netuid, uid, block);
}

function batchCommit(
  context: Context,
  origin: Origin,
  { netuids, commit_hashes }: { netuids: number[]; commit_hashes: string[] },
): void {
  ensureSigned(origin);
  ensure(netuids.length === commit_hashes.length, 'InputLengthsUnequal');
  completeBatch(context, origin, netuids, (netuid, i) =>
    commitWeights(context, origin, { netuid, commit_hash: commit_hashes[i]! }),
  );
}

function putQueue(state: RuntimeState, index: number, who: string, queue: Commit[]): void {
  if (queue.length === 0) s.WeightCommits.remove(state, index, who);
  else s.WeightCommits.put(state, index, who, queue);
}

function revealWeights(context: Context, origin: Origin, args: RevealArgs): void {
  const { state, block } = context;
  const { netuid, mecid = 0, uids: dests, values: weights, version_key } = args;
  const index = mechanismIndex(netuid, mecid);
  const who = ensureSigned(origin);
  ensure(s.CommitRevealWeightsEnabled.get(state, netuid), 'CommitRevealDisabled');
  const queue = s.WeightCommits.get(state, index, who);
  ensure(queue !== undefined, 'NoWeightsCommitFound');
  const { expired, live } = dropExpired(state, netuid, block, queue);
  const hash = commitHash(who, index, args);
  const position = live.findIndex(([committed]) => committed === hash);
  if (position < 0) {
    ensure(!expired.includes(hash), 'ExpiredWeightCommit');
    ensure(live.length > 0, 'NoWeightsCommitFound');
  }
  ensure(position >= 0, 'InvalidRevealCommitHashNotMatch');
  ensure(isRevealEpoch(state, netuid, block, live[position]![1]), 'RevealTooEarly');
  putQueue(state, index, who, live.slice(position + 1));
  setWeights(context, origin, { netuid, mecid, dests, weights, version_key }, true);
  context.deposit('SubtensorModule', 'WeightsRevealed', [who, index, hash]);
}

function batchReveal(context: Context, origin: Origin, args: BatchRevealArgs): void {
  const { state, block } = context;
  const { netuid, uids_list, values_list, salts_list, version_keys } = args;
  const lengths = new Set([uids_list.length, values_list.length, salts_list.length, version_keys.length]);
  ensure(lengths.size === 1, 'InputLengthsUnequal');
  const who = ensureSigned(origin);
  ensure(s.CommitRevealWeightsEnabled.get(state, netuid), 'CommitRevealDisabled');
  const queue = s.WeightCommits.get(state, netuid, who);
  ensure(queue !== undefined, 'NoWeightsCommitFound');
  const { expired, live } = dropExpired(state, netuid, block, queue);
  const reveals = revealsOf(who, args);
  for (const { hash } of reveals) {
    const commit = live.find(([committed]) => committed === hash);
    if (!commit) ensure(!expired.includes(hash), 'ExpiredWeightCommit');
    ensure(commit !== undefined, 'InvalidRevealCommitHashNotMatch');
    ensure(isRevealEpoch(state, netuid, block, commit[1]), 'RevealTooEarly');
  }
  for (const { hash, dests, weights, version_key } of reveals) {
    const position = live.findIndex(([committed]) => committed === hash);
    ensure(position >= 0, 'InvalidRevealCommitHashNotMatch');
    live.splice(position, 1);
    setWeights(context, origin, { netuid, dests, weights, version_key }, true);
  }
  putQueue(state, netuid, who, live);
  const hashes = reveals.map(({ hash }) => hash);
  context.deposit('SubtensorModule', 'WeightsBatchRevealed', [who, netuid, hashes]);
}

function revealsOf(who: string, { netuid, uids_list, values_list, salts_list, version_keys }: BatchRevealArgs) {
  return uids_list.map((uids, i) => {
    const values = values_list[i]!;
    const version_key = version_keys[i]!;
    const hash = commitHash(who, netuid, { uids, values, salt: salts_list[i]!, version_key });
    return { hash, dests: uids, weights: values, version_key };
  });
}

/** What the pool asks of a reveal before anything else (guards/check_weights.rs). */
export function checkReveal(state: RuntimeState, block: number, who: string, args: RevealArgs): void {
  const index = mechanismIndex(args.netuid, args.mecid ?? 0);
  checkRevealHashes(state, block, who, args.netuid, index, [commitHash(who, index, args)]);
}

export function checkBatchReveal(state: RuntimeState, block: number, who: string, args: BatchRevealArgs): void {
  const hashes = revealsOf(who, args).map(({ hash }) => hash);
  checkRevealHashes(state, block, who, args.netuid, args.netuid, hashes);
}

function checkRevealHashes(
  state: RuntimeState,
  block: number,
  who: string,
  netuid: number,
  index: number,
  hashes: readonly string[],
): void {
  const queue = s.WeightCommits.get(state, index, who);
  ensure(queue !== undefined, 'NoWeightsCommitFound');
  for (const hash of hashes) {
    const commit = queue.find(([committed]) => committed === hash);
    ensure(commit !== undefined, 'NoWeightsCommitFound');
    ensure(isRevealEpoch(state, netuid, block, commit[1]), 'RevealTooEarly');
  }
}

const revealArgs = { uids: 'Vec<u16>', values: 'Vec<u16>', salt: 'Vec<u16>', version_key: 'u64' };

export const hashedWeightCalls: Readonly<Record<string, CallDescription>> = {
  commit_weights: { index: 96, args: { netuid: 'u16', commit_hash: 'H256' }, free: true, dispatch: commitWeights },
  reveal_weights: { index: 97, args: { netuid: 'u16', ...revealArgs }, free: true, dispatch: revealWeights },
  batch_reveal_weights: {
    index: 98,
    args: {
      netuid: 'u16',
      uids_list: 'Vec<Vec<u16>>',
      values_list: 'Vec<Vec<u16>>',
      salts_list: 'Vec<Vec<u16>>',
      version_keys: 'Vec<u64>',
    },
    free: true,
    dispatch: batchReveal,
  },
  batch_commit_weights: {
    index: 100,
    args: { netuids: 'Vec<Compact<u16>>', commit_hashes: 'Vec<H256>' },
    free: true,
    dispatch: batchCommit,
  },
  commit_mechanism_weights: {
    index: 115,
    args: { netuid: 'u16', mecid: 'u8', commit_hash: 'H256' },
    free: true,
    dispatch: commitWeights,
  },
  reveal_mechanism_weights: {
    index: 116,
    args: { netuid: 'u16', mecid: 'u8', ...revealArgs },
    free: true,
    dispatch: revealWeights,
  },
};
