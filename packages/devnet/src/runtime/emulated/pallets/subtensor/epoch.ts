import type { RuntimeState } from '../../../runtime.ts';
import { shareOfU16 } from '../../fixed-point.ts';
import type { Context } from '../../pallet.ts';
import { type EpochInput, type EpochResult, runConsensus } from './epoch-math.ts';
import { isCommitExpired } from './hashed-weights.ts';
import type { LiquidAlpha } from './liquid-alpha.ts';
import { ownerUidOf, stakeWeightFixed } from './neurons.ts';
import { subtensor as s } from './storage.ts';

/** What a hotkey earned in one epoch, alpha RAO. */
export interface HotkeyEmission {
  hotkey: string;
  server: bigint;
  validator: bigint;
}

function byUid<T>(state: RuntimeState, netuid: number, read: (uid: number) => T): T[] {
  return Array.from({ length: s.SubnetworkN.get(state, netuid) }, (_, uid) => read(uid));
}

/** Earliest commit of each uid that is still to be revealed; undefined = none. */
function commitBlocks(state: RuntimeState, netuid: number, block: number): (bigint | undefined)[] {
  const blocks: (bigint | undefined)[] = byUid(state, netuid, () => undefined);
  const note = (who: string, at: bigint): void => {
    const uid = s.Uids.get(state, netuid, who);
    if (uid === undefined || uid >= blocks.length) return;
    const known = blocks[uid];
    blocks[uid] = known === undefined || at < known ? at : known;
  };
  for (const who of s.WeightCommits.keysUnder(state, netuid)) {
    const queue = s.WeightCommits.get(state, netuid, who) ?? [];
    const live = queue.find(([, epoch]) => !isCommitExpired(state, netuid, block, epoch));
    if (live) note(who, live[2]);
  }
  for (const epoch of s.TimelockedWeightCommits.keysUnder(state, netuid)) {
    if (isCommitExpired(state, netuid, block, epoch)) continue;
    for (const [who, at] of s.TimelockedWeightCommits.get(state, netuid, epoch)) note(who, at);
  }
  return blocks;
}

/** The settings of liquid alpha, whether it is on or not. */
export function liquidAlphaOf(state: RuntimeState, netuid: number): LiquidAlpha {
  const [low, high] = s.AlphaValues.get(state, netuid);
  const steepness = s.AlphaSigmoidSteepness.get(state, netuid);
  return { low: shareOfU16(low), high: shareOfU16(high), steepness };
}

function inputOf(context: Context, netuid: number, emission: bigint): EpochInput {
  const { state, block } = context;
  const hotkeys = byUid(state, netuid, (uid) => s.Keys.get(state, netuid, uid));
  const n = hotkeys.length;
  const tempo = s.Tempo.get(state, netuid);
  const factor = BigInt(s.ActivityCutoffFactorMilli.get(state, netuid));
  const cutoff = (factor * BigInt(tempo)) / 1000n;
  const commitReveal = s.CommitRevealWeightsEnabled.get(state, netuid);
  const permits = s.ValidatorPermit.get(state, netuid);
  const within = (row: [number, number][]): [number, number][] => row.filter(([uid]) => uid < n);
  return {
    block: BigInt(block),
    tempo,
    activityCutoff: cutoff < 1n ? 1n : cutoff,
    lastUpdate: s.LastUpdate.get(state, netuid).slice(0, n),
    registeredAt: byUid(state, netuid, (uid) => s.BlockAtRegistration.get(state, netuid, uid)),
    stake: hotkeys.map((hotkey) => stakeWeightFixed(state, hotkey, netuid)),
    stakeThreshold: s.StakeThreshold.get(state),
    ownerUid: ownerUidOf(state, netuid),
    permits: permits.slice(0, n),
    maxValidators: s.MaxAllowedValidators.get(state, netuid),
    weights: byUid(state, netuid, (uid) => within(s.Weights.get(state, netuid, uid))),
    bonds: byUid(state, netuid, (uid) => within(s.Bonds.get(state, netuid, uid))),
    commitBlocks: commitReveal ? commitBlocks(state, netuid, block) : undefined,
    lastStep: s.LastMechansimStepBlock.get(state, netuid),
    kappa: s.Kappa.get(state, netuid),
    bondsPenalty: s.BondsPenalty.get(state, netuid),
    bondsMovingAverage: s.BondsMovingAverage.get(state, netuid),
    yuma3: s.Yuma3On.get(state, netuid),
    liquidAlpha: s.LiquidAlphaOn.get(state, netuid) ? liquidAlphaOf(state, netuid) : undefined,
    emission,
  };
}

/** Writes what an epoch leaves in the state (persist_mechanism_epoch_terms and persist_netuid_epoch_terms). */
export function storeEpoch(state: RuntimeState, netuid: number, result: EpochResult): void {
  s.Active.put(state, netuid, result.active);
  s.Emission.put(state, netuid, result.emission);
  s.Consensus.put(state, netuid, result.consensus);
  s.Incentive.put(state, netuid, result.incentive);
  s.Dividends.put(state, netuid, result.dividends);
  s.ValidatorTrust.put(state, netuid, result.validatorTrust);
  s.ValidatorPermit.put(state, netuid, result.permits);
  s.StakeWeight.put(state, netuid, result.stakeWeight);
  for (const [uid, row] of result.bonds.entries()) s.Bonds.put(state, netuid, uid, row);
}

/**
 * One epoch of a subnet: reads the state, computes, stores, and tells what each hotkey earned of `emission` (alpha RAO),
 * by hotkey. One mechanism: a subnet of several would split the emission among them.
 */
export function runEpoch(context: Context, netuid: number, emission: bigint): HotkeyEmission[] {
  const { state } = context;
  const result = runConsensus(inputOf(context, netuid, emission));
  storeEpoch(state, netuid, result);
  context.deposit('SubtensorModule', 'IncentiveAlphaEmittedToMiners', { netuid, emissions: result.serverEmission });
  return byUid(state, netuid, (uid) => ({
    hotkey: s.Keys.get(state, netuid, uid),
    server: result.serverEmission[uid]!,
    validator: result.validatorEmission[uid]!,
  })).sort((a, b) => (a.hotkey < b.hotkey ? -1 : 1));
}
