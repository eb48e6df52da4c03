import type { RuntimeState } from '../../runtime.ts';
import { type CallDescription, type Context, ensureRoot, ModuleError, type Origin } from '../pallet.ts';
import { ensureAdminWindowOpen, ensureOwnerOrRoot } from './subtensor/epoch-schedule.ts';
import { ensure as ensureSubtensor } from './subtensor/errors.ts';
import { subnetExists } from './subtensor/neurons.ts';
import { subtensor as s } from './subtensor/storage.ts';

/** AdminUtils' calls that set one hyperparameter of one subnet. */

export function ensureAdmin(condition: boolean, error: string): asserts condition {
  if (!condition) throw new ModuleError('AdminUtils', error);
}

interface Writable {
  put(state: RuntimeState, netuid: number, value: never): void;
}

/** Who may set it and where; what it comes from is pallets/admin-utils/src/lib.rs, in the order of its checks. */
interface SubnetSetter {
  index: number;
  /** Argument name and type, as on chain. */
  arg: readonly [name: string, type: string];
  item: Writable;
  /** Event of SubtensorModule; some settings have none. */
  event?: string;
  /** Event of AdminUtils itself. */
  ownEvent?: string;
  /** May be set within AdminFreezeWindow blocks of an epoch, too; most may not, even by sudo. */
  neverFrozen?: boolean;
  /** Only sudo; otherwise the subnet's owner may too. */
  rootOnly?: boolean;
  /** Nobody asks whether the subnet exists. */
  anySubnet?: boolean;
  check?: (state: RuntimeState, netuid: number, value: never, origin: Origin) => void;
  /** What happens besides the write. */
  also?: (context: Context, netuid: number) => void;
}

function subnetSetter(setter: SubnetSetter): CallDescription {
  const [name, type] = setter.arg;
  return {
    index: setter.index,
    args: { netuid: 'u16', [name]: type },
    dispatch: (context: Context, origin: Origin, args: Record<string, unknown>) => {
      const { state } = context;
      const netuid = args['netuid'] as number;
      const value = args[name] as never;
      if (setter.rootOnly) ensureRoot(origin);
      else ensureOwnerOrRoot(state, origin, netuid);
      if (!setter.neverFrozen) ensureAdminWindowOpen(context, netuid);
      if (!setter.anySubnet) ensureAdmin(subnetExists(state, netuid), 'SubnetDoesNotExist');
      setter.check?.(state, netuid, value, origin);
      setter.item.put(state, netuid, value);
      setter.also?.(context, netuid);
      if (setter.event) context.deposit('SubtensorModule', setter.event, [netuid, value]);
      if (setter.ownEvent) context.deposit('AdminUtils', setter.ownEvent, { netuid, [name]: value });
    },
  };
}

/** Bounds of min_burn from above and of max_burn from below, RAO (runtime/src/lib.rs). */
const MIN_BURN_BELOW = 1_000_000_000n;
const MAX_BURN_ABOVE = 100_000_000n;
/** Millionths; sudo may set any. */
const OWNER_MAX_BONDS_AVERAGE = 975_000n;
/** Blocks. */
const MAX_BURN_HALF_LIFE = 36_100;

const SUBNET_SETTERS: Readonly<Record<string, SubnetSetter>> = {
  sudo_set_serving_rate_limit: {
    index: 3,
    arg: ['serving_rate_limit', 'u64'],
    item: s.ServingRateLimit,
    event: 'ServingRateLimitSet',
    anySubnet: true,
  },
  sudo_set_min_difficulty: {
    index: 4,
    arg: ['min_difficulty', 'u64'],
    item: s.MinDifficulty,
    event: 'MinDifficultySet',
    rootOnly: true,
  },
  sudo_set_max_difficulty: {
    index: 5,
    arg: ['max_difficulty', 'u64'],
    item: s.MaxDifficulty,
    event: 'MaxDifficultySet',
  },
  sudo_set_weights_version_key: {
    index: 6,
    arg: ['weights_version_key', 'u64'],
    item: s.WeightsVersionKey,
    event: 'WeightsVersionKeySet',
  },
  sudo_set_weights_set_rate_limit: {
    index: 7,
    arg: ['weights_set_rate_limit', 'u64'],
    item: s.WeightsSetRateLimit,
    event: 'WeightsSetRateLimitSet',
    rootOnly: true,
    neverFrozen: true,
  },
  sudo_set_adjustment_interval: {
    index: 8,
    arg: ['adjustment_interval', 'u16'],
    item: s.AdjustmentInterval,
    event: 'AdjustmentIntervalSet',
    rootOnly: true,
    neverFrozen: true,
  },
  sudo_set_adjustment_alpha: {
    index: 9,
    arg: ['adjustment_alpha', 'u64'],
    item: s.AdjustmentAlpha,
    event: 'AdjustmentAlphaSet',
  },
  sudo_set_immunity_period: {
    index: 13,
    arg: ['immunity_period', 'u16'],
    item: s.ImmunityPeriod,
    event: 'ImmunityPeriodSet',
  },
  sudo_set_min_allowed_weights: {
    index: 14,
    arg: ['min_allowed_weights', 'u16'],
    item: s.MinAllowedWeights,
    event: 'MinAllowedWeightSet',
  },
  sudo_set_max_allowed_uids: {
    index: 15,
    arg: ['max_allowed_uids', 'u16'],
    item: s.MaxAllowedUids,
    event: 'MaxAllowedUidsSet',
    check: (state, netuid, value: number) => {
      ensureAdmin(value >= s.MinAllowedUids.get(state, netuid), 'MaxAllowedUidsLessThanMinAllowedUids');
      ensureAdmin(value >= s.SubnetworkN.get(state, netuid), 'MaxAllowedUIdsLessThanCurrentUIds');
      ensureAdmin(value <= 256, 'MaxAllowedUidsGreaterThanDefaultMaxAllowedUids');
    },
  },
  sudo_set_kappa: {
    index: 16,
    arg: ['kappa', 'u16'],
    item: s.Kappa,
    event: 'KappaSet',
    rootOnly: true,
    neverFrozen: true,
  },
  sudo_set_rho: { index: 17, arg: ['rho', 'u16'], item: s.Rho },
  sudo_set_activity_cutoff: {
    index: 18,
    arg: ['activity_cutoff', 'u16'],
    item: s.ActivityCutoff,
    event: 'ActivityCutoffSet',
    check: (_state, _netuid, value: number) => ensureSubtensor(value >= 360, 'ActivityCutoffTooLow'),
  },
  sudo_set_network_registration_allowed: {
    index: 19,
    arg: ['registration_allowed', 'bool'],
    item: s.NetworkRegistrationAllowed,
    event: 'RegistrationAllowed',
    rootOnly: true,
    neverFrozen: true,
    anySubnet: true,
  },
  sudo_set_target_registrations_per_interval: {
    index: 21,
    arg: ['target_registrations_per_interval', 'u16'],
    item: s.TargetRegistrationsPerInterval,
    event: 'RegistrationPerIntervalSet',
    rootOnly: true,
  },
  sudo_set_min_burn: {
    index: 22,
    arg: ['min_burn', 'u64'],
    item: s.MinBurn,
    event: 'MinBurnSet',
    check: (state, netuid, value: bigint) => {
      ensureAdmin(value < MIN_BURN_BELOW, 'ValueNotInBounds');
      ensureAdmin(value < s.MaxBurn.get(state, netuid), 'ValueNotInBounds');
    },
  },
  sudo_set_max_burn: {
    index: 23,
    arg: ['max_burn', 'u64'],
    item: s.MaxBurn,
    event: 'MaxBurnSet',
    check: (state, netuid, value: bigint) => {
      ensureAdmin(value > MAX_BURN_ABOVE, 'ValueNotInBounds');
      ensureAdmin(value > s.MinBurn.get(state, netuid), 'ValueNotInBounds');
    },
  },
  sudo_set_difficulty: {
    index: 24,
    arg: ['difficulty', 'u64'],
    item: s.Difficulty,
    event: 'DifficultySet',
    rootOnly: true,
  },
  sudo_set_max_allowed_validators: {
    index: 25,
    arg: ['max_allowed_validators', 'u16'],
    item: s.MaxAllowedValidators,
    event: 'MaxAllowedValidatorsSet',
    rootOnly: true,
    check: (state, netuid, value: number) =>
      ensureAdmin(value <= s.MaxAllowedUids.get(state, netuid), 'MaxValidatorsLargerThanMaxUIds'),
  },
  sudo_set_bonds_moving_average: {
    index: 26,
    arg: ['bonds_moving_average', 'u64'],
    item: s.BondsMovingAverage,
    event: 'BondsMovingAverageSet',
    check: (_state, _netuid, value: bigint, origin) =>
      ensureAdmin(origin.kind === 'root' || value <= OWNER_MAX_BONDS_AVERAGE, 'BondsMovingAverageMaxReached'),
  },
  sudo_set_bonds_penalty: { index: 60, arg: ['bonds_penalty', 'u16'], item: s.BondsPenalty, event: 'BondsPenaltySet' },
  sudo_set_max_registrations_per_block: {
    index: 27,
    arg: ['max_registrations_per_block', 'u16'],
    item: s.MaxRegistrationsPerBlock,
    event: 'MaxRegistrationsPerBlockSet',
    rootOnly: true,
  },
  sudo_set_tempo: {
    index: 30,
    arg: ['tempo', 'u16'],
    item: s.Tempo,
    event: 'TempoSet',
    rootOnly: true,
    // A new cycle begins (apply_tempo_with_cycle_reset of utils/misc.rs).
    also: ({ state, block }, netuid) => s.LastEpochBlock.put(state, netuid, BigInt(block)),
  },
  sudo_set_commit_reveal_weights_enabled: {
    index: 49,
    arg: ['enabled', 'bool'],
    item: s.CommitRevealWeightsEnabled,
    event: 'CommitRevealEnabled',
  },
  sudo_set_liquid_alpha_enabled: { index: 50, arg: ['enabled', 'bool'], item: s.LiquidAlphaOn, anySubnet: true },
  sudo_set_commit_reveal_weights_interval: {
    index: 57,
    arg: ['interval', 'u64'],
    item: s.RevealPeriodEpochs,
    event: 'CommitRevealPeriodsSet',
    check: (_state, _netuid, value: bigint) => {
      ensureSubtensor(value <= 100n, 'RevealPeriodTooLarge');
      ensureSubtensor(value >= 1n, 'RevealPeriodTooSmall');
    },
  },
  sudo_set_subtoken_enabled: {
    index: 66,
    arg: ['subtoken_enabled', 'bool'],
    item: s.SubtokenEnabled,
    rootOnly: true,
    anySubnet: true,
  },
  sudo_set_owner_immune_neuron_limit: {
    index: 72,
    arg: ['immune_neurons', 'u16'],
    item: s.ImmuneOwnerUidsLimit,
    anySubnet: true,
    check: (_state, _netuid, value: number) => ensureSubtensor(value >= 1 && value <= 10, 'InvalidValue'),
  },
  sudo_set_min_allowed_uids: {
    index: 79,
    arg: ['min_allowed_uids', 'u16'],
    item: s.MinAllowedUids,
    event: 'MinAllowedUidsSet',
    rootOnly: true,
    check: (state, netuid, value: number) => {
      ensureAdmin(value < s.MaxAllowedUids.get(state, netuid), 'MinAllowedUidsGreaterThanMaxAllowedUids');
      ensureAdmin(value < s.SubnetworkN.get(state, netuid), 'MinAllowedUidsGreaterThanCurrentUids');
    },
  },
  sudo_set_min_non_immune_uids: {
    index: 84,
    arg: ['min', 'u16'],
    item: s.MinNonImmuneUids,
    event: 'MinNonImmuneUidsSet',
    rootOnly: true,
    neverFrozen: true,
    anySubnet: true,
  },
  sudo_set_burn_half_life: {
    index: 89,
    arg: ['burn_half_life', 'u16'],
    item: s.BurnHalfLife,
    ownEvent: 'BurnHalfLifeSet',
    check: (_state, netuid, value: number) => {
      ensureAdmin(netuid !== 0, 'NotPermittedOnRootSubnet');
      ensureAdmin(value > 0 && value <= MAX_BURN_HALF_LIFE, 'InvalidValue');
    },
  },
  sudo_set_subnet_emission_enabled: {
    index: 94,
    arg: ['enabled', 'bool'],
    item: s.SubnetEmissionEnabled,
    rootOnly: true,
    neverFrozen: true,
    ownEvent: 'SubnetEmissionEnabledSet',
    check: (_state, netuid) => ensureAdmin(netuid !== 0, 'NotPermittedOnRootSubnet'),
  },
};

export const adminSubnetCalls: Readonly<Record<string, CallDescription>> = Object.fromEntries(
  Object.entries(SUBNET_SETTERS).map(([name, setter]) => [name, subnetSetter(setter)]),
);
