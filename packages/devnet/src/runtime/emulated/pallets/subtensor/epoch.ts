import type { RuntimeState } from '../../../runtime.ts';
import type { Context } from '../../pallet.ts';
import { runConsensus, topByStake } from './epoch-math.ts';
import { isOwnerUid, stakeWeightOf } from './neurons.ts';
import { creditHotkey } from './staking.ts';
import { subtensor as s } from './storage.ts';

const U16 = 65_535;
const toU16 = (share: number): number => Math.round(Math.min(1, Math.max(0, share)) * U16);

interface Neuron {
  uid: number;
  hotkey: string;
  stake: bigint;
  registeredAt: bigint;
  lastUpdate: bigint;
  owner: boolean;
}

function readNeurons(state: RuntimeState, netuid: number): Neuron[] {
  const threshold = s.StakeThreshold.get(state);
  const updates = s.LastUpdate.get(state, netuid);
  return Array.from({ length: s.SubnetworkN.get(state, netuid) }, (_, uid) => {
    const hotkey = s.Keys.get(state, netuid, uid);
    const owner = isOwnerUid(state, netuid, uid);
    const stake = stakeWeightOf(state, hotkey, netuid);
    return {
      uid,
      hotkey,
      owner,
      stake: stake < threshold && !owner ? 0n : stake,
      registeredAt: s.BlockAtRegistration.get(state, netuid, uid),
      lastUpdate: updates[uid] ?? 0n,
    };
  });
}

/** A row counts only what the chain counts: no own diagonal (but the owner's), nobody registered after it was set. */
function maskedWeights(state: RuntimeState, netuid: number, neurons: readonly Neuron[]): [number, number][][] {
  return neurons.map((neuron) => {
    if (!s.Weights.has(state, netuid, neuron.uid)) return [];
    return s.Weights.get(state, netuid, neuron.uid).filter(([target, value]) => {
      const other = neurons[target];
      if (!other || value === 0) return false;
      if (target === neuron.uid && !neuron.owner) return false;
      return other.registeredAt < neuron.lastUpdate;
    });
  });
}

function keptBonds(state: RuntimeState, netuid: number, neurons: readonly Neuron[]): [number, number][][] {
  const lastStep = s.LastMechansimStepBlock.get(state, netuid);
  return neurons.map(({ uid }) => {
    if (!s.Bonds.has(state, netuid, uid)) return [];
    return s.Bonds.get(state, netuid, uid)
      .filter(([target]) => (neurons[target]?.registeredAt ?? lastStep) < lastStep)
      .map(([target, bond]) => [target, bond / U16]);
  });
}

/**
 * One epoch of a subnet: votes, permits, emission. `server` and `validator` are the alpha RAO gathered since the last.
 * The emulation has no pools or childkeys, and gives a validator's dividends to its own hotkey whole.
 */
export function runEpoch(context: Context, netuid: number, server: bigint, validator: bigint): void {
  const { state, block } = context;
  const neurons = readNeurons(state, netuid);
  const now = BigInt(block);
  const tempo = s.Tempo.get(state, netuid);
  const cutoff = BigInt(Math.max(1, Math.floor((s.ActivityCutoffFactorMilli.get(state, netuid) * tempo) / 1000)));
  const active = neurons.map(({ lastUpdate }) => lastUpdate + cutoff >= now);
  const stored = s.ValidatorPermit.get(state, netuid);
  const permits = neurons.map(({ uid, owner }) => owner || stored[uid] === true);
  const stake = neurons.map((neuron) => Number(neuron.stake));
  const result = runConsensus({
    stake,
    active,
    permits,
    weights: maskedWeights(state, netuid, neurons),
    bonds: keptBonds(state, netuid, neurons),
    kappa: s.Kappa.get(state, netuid) / U16,
    bondsPenalty: s.BondsPenalty.get(state, netuid) / U16,
    bondsMovingAverage: Math.min(1, Number(s.BondsMovingAverage.get(state, netuid)) / 1_000_000),
  });

  const noIncentive = result.incentive.every((share) => share === 0);
  const noDividends = result.dividends.every((share) => share === 0);
  const totalStake = stake.reduce((sum, one) => sum + one, 0);
  const byStake = result.activeStake.some((share) => share > 0)
    ? result.activeStake
    : stake.map((one) => (totalStake === 0 ? 0 : one / totalStake));
  const validatorShares = noDividends ? byStake : result.dividends;
  // With no incentive at all, validators take everything.
  const validatorPot = noIncentive ? server + validator : validator;
  const split = (pot: bigint, share: number): bigint => (pot * BigInt(Math.round(share * 1e9))) / 1_000_000_000n;
  const serverEmission = neurons.map(({ uid }) => (noIncentive ? 0n : split(server, result.incentive[uid]!)));
  const validatorEmission = neurons.map(({ uid }) => split(validatorPot, validatorShares[uid]!));
  const owner = s.SubnetOwner.get(state, netuid);
  for (const { uid, hotkey } of neurons) {
    // Incentive of the subnet owner's hotkeys is burned.
    if (s.Owner.get(state, hotkey) !== owner) creditHotkey(state, hotkey, netuid, serverEmission[uid]!);
    creditHotkey(state, hotkey, netuid, validatorEmission[uid]!);
  }

  const nextPermits = topByStake(stake, s.MaxAllowedValidators.get(state, netuid));
  s.Active.put(state, netuid, active);
  s.ValidatorPermit.put(
    state,
    netuid,
    neurons.map(({ uid, owner: isOwner }) => isOwner || nextPermits[uid]!),
  );
  s.Consensus.put(state, netuid, result.consensus.map(toU16));
  s.Incentive.put(state, netuid, result.incentive.map(toU16));
  s.Dividends.put(state, netuid, result.dividends.map(toU16));
  s.ValidatorTrust.put(state, netuid, result.validatorTrust.map(toU16));
  s.StakeWeight.put(
    state,
    netuid,
    stake.map((one) => toU16(totalStake === 0 ? 0 : one / totalStake)),
  );
  s.Emission.put(
    state,
    netuid,
    neurons.map(({ uid }) => serverEmission[uid]! + validatorEmission[uid]!),
  );
  for (const [uid, row] of result.bonds.entries()) {
    if (row.size === 0) s.Bonds.remove(state, netuid, uid);
    else
      s.Bonds.put(
        state,
        netuid,
        uid,
        [...row].map(([target, bond]): [number, number] => [target, toU16(bond)]),
      );
  }
  context.deposit('SubtensorModule', 'IncentiveAlphaEmittedToMiners', { netuid, emissions: serverEmission });
}
