import type { RuntimeState } from '../../runtime.ts';
import { commitmentsStorage } from '../pallets/commitments.ts';
import { stakeWeightOf, subnetExists } from '../pallets/subtensor/neurons.ts';
import { subtensor as s } from '../pallets/subtensor/storage.ts';
import { systemStorage } from '../pallets/system.ts';
import { scaleCodecs } from '../scale-types.ts';
import type { KeptColumns } from './kept-columns.ts';
import { neuronColumns } from './neuron-columns.ts';
import { HYPERPARAMS } from './types.ts';

/** Read models of a subnet under the field names of pallet-subtensor's rpc_info. */

const NO_AXON = { block: 0n, version: 0, ip: 0n, port: 0, ip_type: 0, protocol: 0, placeholder1: 0, placeholder2: 0 };
const NO_PROMETHEUS = { block: 0n, version: 0, ip: 0n, port: 0, ip_type: 0 };
const U16 = 65_535;

/** Lower-case field names as they stand in SubnetHyperparams and Metagraph alike. */
export function hyperparams(state: RuntimeState, netuid: number): Record<string, unknown> {
  const [alphaLow, alphaHigh] = s.AlphaValues.get(state, netuid);
  const factor = s.ActivityCutoffFactorMilli.get(state, netuid);
  return {
    rho: s.Rho.get(state, netuid),
    kappa: s.Kappa.get(state, netuid),
    immunity_period: s.ImmunityPeriod.get(state, netuid),
    min_allowed_weights: s.MinAllowedWeights.get(state, netuid),
    max_weights_limit: s.MaxWeightsLimit.get(state, netuid),
    tempo: s.Tempo.get(state, netuid),
    min_difficulty: s.MinDifficulty.get(state, netuid),
    max_difficulty: s.MaxDifficulty.get(state, netuid),
    weights_version: s.WeightsVersionKey.get(state, netuid),
    weights_rate_limit: s.WeightsSetRateLimit.get(state, netuid),
    adjustment_interval: s.AdjustmentInterval.get(state, netuid),
    activity_cutoff: BigInt(Math.max(1, Math.floor((factor * s.Tempo.get(state, netuid)) / 1000))),
    registration_allowed: s.NetworkRegistrationAllowed.get(state, netuid),
    target_regs_per_interval: s.TargetRegistrationsPerInterval.get(state, netuid),
    min_burn: s.MinBurn.get(state, netuid),
    max_burn: s.MaxBurn.get(state, netuid),
    bonds_moving_avg: s.BondsMovingAverage.get(state, netuid),
    max_regs_per_block: s.MaxRegistrationsPerBlock.get(state, netuid),
    serving_rate_limit: s.ServingRateLimit.get(state, netuid),
    max_validators: s.MaxAllowedValidators.get(state, netuid),
    adjustment_alpha: s.AdjustmentAlpha.get(state, netuid),
    difficulty: s.Difficulty.get(state, netuid),
    commit_reveal_period: s.RevealPeriodEpochs.get(state, netuid),
    commit_reveal_weights_enabled: s.CommitRevealWeightsEnabled.get(state, netuid),
    alpha_high: alphaHigh,
    alpha_low: alphaLow,
    liquid_alpha_enabled: s.LiquidAlphaOn.get(state, netuid),
  };
}

/** NeuronInfo of every uid; rank, trust and pruning score are gone from the chain and read as zero (pruning 65535). */
export function neurons(state: RuntimeState, netuid: number): Record<string, unknown>[] {
  const column = <T>(item: { get(state: RuntimeState, netuid: number): T[] }): T[] => item.get(state, netuid);
  const active = column(s.Active);
  const emission = column(s.Emission);
  const incentive = column(s.Incentive);
  const consensus = column(s.Consensus);
  const validatorTrust = column(s.ValidatorTrust);
  const dividends = column(s.Dividends);
  const lastUpdate = column(s.LastUpdate);
  const permit = column(s.ValidatorPermit);
  return Array.from({ length: s.SubnetworkN.get(state, netuid) }, (_, uid) => {
    const hotkey = s.Keys.get(state, netuid, uid);
    const coldkey = s.Owner.get(state, hotkey);
    return {
      hotkey,
      coldkey,
      uid,
      netuid,
      active: active[uid] ?? false,
      axon_info: s.Axons.get(state, netuid, hotkey) ?? NO_AXON,
      prometheus_info: s.Prometheus.get(state, netuid, hotkey) ?? NO_PROMETHEUS,
      stake: [[coldkey, stakeWeightOf(state, hotkey, netuid)]],
      rank: 0,
      emission: emission[uid] ?? 0n,
      incentive: incentive[uid] ?? 0,
      consensus: consensus[uid] ?? 0,
      trust: 0,
      validator_trust: validatorTrust[uid] ?? 0,
      dividends: dividends[uid] ?? 0,
      last_update: lastUpdate[uid] ?? 0n,
      validator_permit: permit[uid] ?? false,
      weights: s.Weights.get(state, netuid, uid),
      bonds: s.Bonds.get(state, netuid, uid),
      pruning_score: U16,
    };
  });
}

/** Every column of the metagraph, also those that only the selective form has; undefined when there is no such subnet. */
export function metagraph(state: RuntimeState, netuid: number, kept: KeptColumns): Record<string, unknown> | undefined {
  const columns = metagraphColumns(state, netuid, kept);
  return columns && Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column()]));
}

/** The hyperparameters as columns, read when the first of them is asked for. */
function hyperparamColumns(state: RuntimeState, netuid: number): Record<string, () => unknown> {
  let all: Record<string, unknown> | undefined;
  const read = (name: string) => () => {
    all ??= hyperparams(state, netuid);
    return all[name];
  };
  return Object.fromEntries(Object.keys(HYPERPARAMS).map((name) => [name, read(name)]));
}

/** The same, each column computed only when it is asked for. */
export function metagraphColumns(
  state: RuntimeState,
  netuid: number,
  kept: KeptColumns,
): Record<string, () => unknown> | undefined {
  if (!subnetExists(state, netuid)) return undefined;
  const count = s.SubnetworkN.get(state, netuid);
  const { hotkeys, columns } = neuronColumns(state, netuid, kept);
  const text = (value: Uint8Array): number[] => [...value];
  return {
    ...hyperparamColumns(state, netuid),
    netuid: () => netuid,
    name: () => text(new TextEncoder().encode(netuid === 0 ? 'root' : `subnet ${netuid}`)),
    symbol: () => text(s.TokenSymbol.get(state, netuid)),
    identity: () => undefined,
    network_registered_at: () => s.NetworkRegisteredAt.get(state, netuid),
    owner_hotkey: () => s.SubnetOwnerHotkey.get(state, netuid),
    owner_coldkey: () => s.SubnetOwner.get(state, netuid),
    block: () => BigInt(systemStorage.Number.get(state)),
    last_step: () => s.LastMechansimStepBlock.get(state, netuid),
    blocks_since_last_step: () => s.BlocksSinceLastStep.get(state, netuid),
    subnet_emission: () => 0n,
    alpha_in: () => s.SubnetAlphaIn.get(state, netuid),
    alpha_out: () => s.SubnetAlphaOut.get(state, netuid),
    tao_in: () => s.SubnetTAO.get(state, netuid),
    alpha_out_emission: () => 0n,
    alpha_in_emission: () => 0n,
    tao_in_emission: () => 0n,
    pending_alpha_emission: () =>
      s.PendingServerEmission.get(state, netuid) + s.PendingValidatorEmission.get(state, netuid),
    pending_root_emission: () => s.PendingRootAlphaDivs.get(state, netuid),
    subnet_volume: () => 0n,
    // One alpha is one TAO here: 1.0 in I96F32.
    moving_price: () => ({ bits: 1n << 32n }),
    num_uids: () => count,
    max_uids: () => s.MaxAllowedUids.get(state, netuid),
    burn: () => s.Burn.get(state, netuid),
    pow_registration_allowed: () => s.NetworkPowRegistrationAllowed.get(state, netuid),
    ...columns,
    tao_dividends_per_hotkey: () => [],
    alpha_dividends_per_hotkey: () => [],
    validators: () => s.ValidatorPermit.get(state, netuid).flatMap((has, uid) => (has && uid < count ? [uid] : [])),
    commitments: () =>
      hotkeys().flatMap((hotkey) => {
        const registration = commitmentsStorage.CommitmentOf.get(state, netuid, hotkey);
        return registration ? [[hotkey, [...scaleCodecs.encode('Registration', registration)]]] : [];
      }),
  };
}
