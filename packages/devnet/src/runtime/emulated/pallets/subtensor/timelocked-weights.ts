import { blake2AsU8a } from '@polkadot/util-crypto';
import { timelockDecrypt } from '@tuning/chain';
import { ScaleReader, toHex } from '../../../../scale/bytes.ts';
import type { RuntimeState } from '../../../runtime.ts';
import { type CallDescription, type Context, ensureSigned, type Origin } from '../../pallet.ts';
import { scaleCodecs } from '../../scale-types.ts';
import { drandStorage, pulseSignature } from '../drand.ts';
import { lookAheadEpoch } from './epoch-schedule.ts';
import { ensure } from './errors.ts';
import { MAX_UNREVEALED } from './hashed-weights.ts';
import { ensureMechanismExists, mechanismIndex } from './mechanism.ts';
import { setLastUpdate } from './neurons.ts';
import { subtensor as s } from './storage.ts';
import { setWeights, weightsRateLimitPassed } from './weights.ts';

/** Commit-reveal by time: the commit is encrypted to a drand round, and the chain itself reveals it. */

interface TimelockedArgs {
  netuid: number;
  mecid?: number;
  commit: Uint8Array;
  reveal_round: bigint;
  commit_reveal_version: number;
}

/** What commit_crv3_mechanism_weights, which has no version argument, stands for. */
const CRV3_VERSION = 4;

function commitTimelocked(context: Context, origin: Origin, args: TimelockedArgs): void {
  const { state, block } = context;
  const { netuid, mecid = 0, commit, reveal_round } = args;
  ensureMechanismExists(state, netuid, mecid);
  const index = mechanismIndex(netuid, mecid);
  const who = ensureSigned(origin);
  ensure(s.CommitRevealWeightsEnabled.get(state, netuid), 'CommitRevealDisabled');
  const version = s.CommitRevealWeightsVersion.get(state);
  ensure(args.commit_reveal_version === version, 'IncorrectCommitRevealVersion');
  const uid = s.Uids.get(state, netuid, who);
  ensure(uid !== undefined, 'HotKeyNotRegisteredInSubNet');
  ensure(weightsRateLimitPassed(state, netuid, uid, block), 'CommittingWeightsTooFast');
  const epoch = lookAheadEpoch(state, netuid, block);
  const commits = s.TimelockedWeightCommits.get(state, index, epoch);
  ensure(commits.filter(([hotkey]) => hotkey === who).length < MAX_UNREVEALED, 'TooManyUnrevealedCommits');
  commits.push([who, BigInt(block), commit, reveal_round]);
  s.TimelockedWeightCommits.put(state, index, epoch, commits);
  const hash = toHex(blake2AsU8a(commit, 256));
  context.deposit('SubtensorModule', 'TimelockedWeightsCommitted', [who, index, hash, reveal_round]);
  setLastUpdate(state, netuid, uid, block);
}

/** The pool refuses a round that the chain has passed already. */
export function checkRevealRound(state: RuntimeState, { reveal_round }: { reveal_round: bigint }): void {
  ensure(reveal_round >= drandStorage.LastStoredRound.get(state), 'InvalidRevealRound');
}

interface Payload {
  uids: number[];
  values: number[];
  versionKey: bigint;
}

/** A Rust Decode reads what it needs and ignores the rest, so trailing bytes are no error here. undefined: too short. */
function decodePrefix(type: string, bytes: Uint8Array): unknown[] | undefined {
  try {
    return scaleCodecs.codec(type).decodeFrom(new ScaleReader(bytes)) as unknown[];
  } catch {
    return undefined;
  }
}

function legacyPayload(plaintext: Uint8Array): Payload | undefined {
  const fields = decodePrefix('(Vec<u16>, Vec<u16>, u64)', plaintext);
  if (!fields) return undefined;
  const [uids, values, versionKey] = fields as [number[], number[], bigint];
  return { uids, values, versionKey };
}

/** The payload names its committer, or is of the older form without one; undefined: neither, or somebody else's. */
function decodePayload(plaintext: Uint8Array, who: string): Payload | undefined {
  const fields = decodePrefix('(Bytes, Vec<u16>, Vec<u16>, u64)', plaintext);
  if (!fields) return legacyPayload(plaintext);
  const [hotkey, uids, values, versionKey] = fields as [Uint8Array, number[], number[], bigint];
  if (hotkey.length < 32) return legacyPayload(plaintext);
  return toHex(hotkey.subarray(0, 32)) === who ? { uids, values, versionKey } : undefined;
}

function decrypt(commit: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  try {
    return timelockDecrypt(commit, signature);
  } catch {
    return undefined;
  }
}

/**
 * Reveals one subnet's commits that are due, before its epoch (coinbase/reveal_commits.rs). A commit whose pulse is not
 * on chain yet waits within its reveal epoch; one that cannot be read, or whose weights are refused, is dropped silently.
 */
export function revealTimelocked(context: Context, netuid: number): void {
  const { state, block } = context;
  const period = s.RevealPeriodEpochs.get(state, netuid);
  const now = lookAheadEpoch(state, netuid, block);
  const due = now > period ? now - period : 0n;
  for (let mecid = 0; mecid < s.MechanismCountCurrent.get(state, netuid); mecid++) {
    const index = mechanismIndex(netuid, mecid);
    for (const epoch of s.TimelockedWeightCommits.keysUnder(state, index)) {
      if (epoch < due) s.TimelockedWeightCommits.remove(state, index, epoch);
    }
    if (now < period) return;
    revealEpoch(context, netuid, mecid, due);
  }
}

function revealEpoch(context: Context, netuid: number, mecid: number, epoch: bigint): void {
  const { state } = context;
  const index = mechanismIndex(netuid, mecid);
  const commits = s.TimelockedWeightCommits.get(state, index, epoch);
  if (commits.length === 0) return;
  const waiting: typeof commits = [];
  for (const entry of commits) {
    const [who, , commit, round] = entry;
    const signature = pulseSignature(state, round);
    if (!signature) {
      waiting.push(entry);
      continue;
    }
    const plaintext = decrypt(commit, signature);
    const payload = plaintext && decodePayload(plaintext, who);
    if (!payload) continue;
    const { uids: dests, values: weights, versionKey: version_key } = payload;
    const origin = { kind: 'signed', who } as const;
    const failure = context.attempt(() =>
      setWeights(context, origin, { netuid, mecid, dests, weights, version_key }, true),
    );
    if (!failure) context.deposit('SubtensorModule', 'TimelockedWeightsRevealed', [index, who]);
  }
  if (waiting.length > 0) s.TimelockedWeightCommits.put(state, index, epoch, waiting);
  else s.TimelockedWeightCommits.remove(state, index, epoch);
}

export const timelockedWeightCalls: Readonly<Record<string, CallDescription>> = {
  commit_timelocked_weights: {
    index: 113,
    args: { netuid: 'u16', commit: 'TimelockedCommit', reveal_round: 'u64', commit_reveal_version: 'u16' },
    free: true,
    dispatch: commitTimelocked,
  },
  commit_crv3_mechanism_weights: {
    index: 117,
    args: { netuid: 'u16', mecid: 'u8', commit: 'TimelockedCommit', reveal_round: 'u64' },
    free: true,
    dispatch: (context, origin, args: Omit<TimelockedArgs, 'commit_reveal_version'>) =>
      commitTimelocked(context, origin, { ...args, commit_reveal_version: CRV3_VERSION }),
  },
  commit_timelocked_mechanism_weights: {
    index: 118,
    args: {
      netuid: 'u16',
      mecid: 'u8',
      commit: 'TimelockedCommit',
      reveal_round: 'u64',
      commit_reveal_version: 'u16',
    },
    free: true,
    dispatch: commitTimelocked,
  },
};
