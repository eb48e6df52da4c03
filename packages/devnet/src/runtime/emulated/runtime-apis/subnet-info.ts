import type { RuntimeState } from '../../runtime.ts';
import type { RuntimeApiMethod } from '../metadata/runtime-api.ts';
import { subnetExists } from '../pallets/subtensor/neurons.ts';
import { subtensor as s } from '../pallets/subtensor/storage.ts';
import { unwritten } from '../pallets/subtensor/unwritten-storage.ts';
import type { KeptColumns } from './kept-columns.ts';
import { netuids } from './subnet-list.ts';
import { hyperparams, metagraph } from './subnet-view.ts';

/** Methods of SubnetInfoRuntimeApi beside the metagraph's (rpc_info/{subnet,dynamic}_info.rs, show_subnet.rs). */

type View = (state: RuntimeState, netuid: number) => unknown;

const one = (view: View) => (state: RuntimeState, args: readonly unknown[]) => {
  const [netuid] = args as [number];
  return subnetExists(state, netuid) ? view(state, netuid) : undefined;
};
const all = (view: View) => (state: RuntimeState) => netuids(state).map((netuid) => view(state, netuid));

/** Both versions of SubnetInfo: each takes the fields it has. */
function subnetInfo(state: RuntimeState, netuid: number): unknown {
  const all = hyperparams(state, netuid);
  return {
    ...all,
    netuid,
    max_allowed_validators: all['max_validators'],
    scaling_law_power: 50,
    subnetwork_n: s.SubnetworkN.get(state, netuid),
    max_allowed_uids: s.MaxAllowedUids.get(state, netuid),
    blocks_since_last_step: s.BlocksSinceLastStep.get(state, netuid),
    network_modality: 0,
    network_connect: [],
    emission_values: 0n,
    emission_value: 0n,
    burn: s.Burn.get(state, netuid),
    owner: s.SubnetOwner.get(state, netuid),
    identity: unwritten.SubnetIdentitiesV3.get(state, netuid),
  };
}

function hyperparamsV2(state: RuntimeState, netuid: number): Record<string, unknown> {
  return {
    ...hyperparams(state, netuid),
    alpha_sigmoid_steepness: { bits: BigInt(s.AlphaSigmoidSteepness.get(state, netuid)) << 32n },
    yuma_version: s.Yuma3On.get(state, netuid) ? 3 : 2,
    subnet_is_active: s.SubtokenEnabled.get(state, netuid),
    transfers_enabled: unwritten.TransferToggle.get(state, netuid),
    bonds_reset_enabled: s.BondsResetOn.get(state, netuid),
    user_liquidity_enabled: false,
  };
}

/** Names and value types of the third, self-describing form, in its order. */
const V3_TYPES: Readonly<Record<string, string>> = {
  kappa: 'U16',
  immunity_period: 'U16',
  min_allowed_weights: 'U16',
  max_weights_limit: 'U16',
  tempo: 'U16',
  weights_version: 'U64',
  weights_rate_limit: 'U64',
  activity_cutoff: 'U64',
  activity_cutoff_factor: 'U32',
  registration_allowed: 'Bool',
  target_regs_per_interval: 'U16',
  min_burn: 'TaoBalance',
  max_burn: 'TaoBalance',
  burn_half_life: 'U16',
  burn_increase_mult: 'U64F64',
  bonds_moving_avg: 'U64',
  max_regs_per_block: 'U16',
  serving_rate_limit: 'U64',
  max_validators: 'U16',
  commit_reveal_period: 'U64',
  commit_reveal_weights_enabled: 'Bool',
  alpha_high: 'U16',
  alpha_low: 'U16',
  liquid_alpha_enabled: 'Bool',
  alpha_sigmoid_steepness: 'I32F32',
  yuma_version: 'U16',
  subnet_is_active: 'Bool',
  transfers_enabled: 'Bool',
  bonds_reset_enabled: 'Bool',
  user_liquidity_enabled: 'Bool',
  owner_cut_enabled: 'Bool',
  owner_cut_auto_lock_enabled: 'Bool',
  min_childkey_take: 'U16',
};

function hyperparamsV3(state: RuntimeState, netuid: number): unknown {
  const values: Record<string, unknown> = {
    ...hyperparamsV2(state, netuid),
    activity_cutoff_factor: s.ActivityCutoffFactorMilli.get(state, netuid),
    burn_half_life: s.BurnHalfLife.get(state, netuid),
    burn_increase_mult: s.BurnIncreaseMult.get(state, netuid),
    owner_cut_enabled: unwritten.OwnerCutEnabled.get(state, netuid),
    owner_cut_auto_lock_enabled: unwritten.OwnerCutAutoLockEnabled.get(state, netuid),
    min_childkey_take: unwritten.MinChildkeyTake.get(state),
  };
  return Object.entries(V3_TYPES).map(([name, kind]) => ({
    name: new TextEncoder().encode(name),
    value: { kind, value: values[name] },
  }));
}

function dynamicInfo(state: RuntimeState, netuid: number, kept: KeptColumns): unknown {
  const whole = metagraph(state, netuid, kept)!;
  return {
    ...whole,
    subnet_name: whole['name'],
    token_symbol: whole['symbol'],
    blocks_since_last_step: (whole['block'] as bigint) - (whole['last_step'] as bigint),
    emission: 0n,
    subnet_identity: whole['identity'],
  };
}

function subnetState(state: RuntimeState, netuid: number, kept: KeptColumns): unknown {
  const whole = metagraph(state, netuid, kept)!;
  const noEmission = Array.from({ length: whole['num_uids'] as number }, () => 0n);
  // The last emission of each hotkey is not kept here; the chain stopped computing the other three.
  return {
    ...whole,
    pruning_score: [],
    trust: [],
    rank: [],
    emission_history: netuids(state).map(() => noEmission),
  };
}

export function subnetInfoMethods(kept: KeptColumns): Record<string, RuntimeApiMethod> {
  const inputs = { netuid: 'u16' };
  const option = (type: string, view: View): RuntimeApiMethod => ({
    inputs,
    output: `Option<${type}>`,
    run: one(view),
  });
  const list = (type: string, view: View): RuntimeApiMethod => ({
    inputs: {},
    output: `Vec<Option<${type}>>`,
    run: all(view),
  });
  return {
    get_subnet_info: option('SubnetInfo', subnetInfo),
    get_subnets_info: list('SubnetInfo', subnetInfo),
    get_subnet_info_v2: option('SubnetInfov2', subnetInfo),
    get_subnets_info_v2: list('SubnetInfov2', subnetInfo),
    get_subnet_hyperparams: option('SubnetHyperparams', hyperparams),
    get_subnet_hyperparams_v2: option('SubnetHyperparamsV2', hyperparamsV2),
    get_subnet_hyperparams_v3: option('Vec<HyperparamEntry>', hyperparamsV3),
    get_all_dynamic_info: list('DynamicInfo', (state, netuid) => dynamicInfo(state, netuid, kept)),
    get_dynamic_info: option('DynamicInfo', (state, netuid) => dynamicInfo(state, netuid, kept)),
    get_subnet_state: option('SubnetState', (state, netuid) => subnetState(state, netuid, kept)),
    get_coldkey_auto_stake_hotkey: {
      inputs: { coldkey: 'AccountId32', netuid: 'u16' },
      output: 'Option<AccountId32>',
      run: (state, [coldkey, netuid]) => unwritten.AutoStakeDestination.get(state, coldkey as string, netuid as number),
    },
  };
}
