import type { RuntimeState } from '../../runtime.ts';
import { type CallDescription, type Context, ensureRoot, type Origin, type Pallet } from '../pallet.ts';
import { adminBondCalls } from './admin-bonds.ts';
import { adminSubnetCalls, ensureAdmin } from './admin-subnets.ts';
import { subtensor as s } from './subtensor/storage.ts';

/** Chain-wide value; root only. */
function globalSetter(
  index: number,
  [name, type]: readonly [string, string],
  item: { put(state: RuntimeState, value: never): void },
  event: string,
  check?: (value: never) => void,
): CallDescription {
  return {
    index,
    args: { [name]: type },
    dispatch: (context: Context, origin: Origin, args: Record<string, unknown>) => {
      ensureRoot(origin);
      check?.(args[name] as never);
      item.put(context.state, args[name] as never);
      context.deposit('SubtensorModule', event, args[name]);
    },
  };
}

export const adminUtilsPallet: Pallet = {
  name: 'AdminUtils',
  index: 19,
  path: 'pallet_admin_utils::pallet',
  calls: {
    ...adminSubnetCalls,
    ...adminBondCalls,
    sudo_set_tx_rate_limit: globalSetter(2, ['tx_rate_limit', 'u64'], s.TxRateLimit, 'TxRateLimitSet'),
    sudo_set_subnet_owner_cut: globalSetter(28, ['subnet_owner_cut', 'u16'], s.SubnetOwnerCut, 'SubnetOwnerCutSet'),
    sudo_set_network_rate_limit: globalSetter(29, ['rate_limit', 'u64'], s.NetworkRateLimit, 'NetworkRateLimitSet'),
    sudo_set_network_immunity_period: globalSetter(
      35,
      ['immunity_period', 'u64'],
      s.NetworkImmunityPeriod,
      'NetworkImmunityPeriodSet',
    ),
    sudo_set_network_min_lock_cost: globalSetter(
      36,
      ['lock_cost', 'u64'],
      s.NetworkMinLockCost,
      'NetworkMinLockCostSet',
    ),
    sudo_set_subnet_limit: globalSetter(37, ['max_subnets', 'u16'], s.SubnetLimit, 'SubnetLimitSet'),
    sudo_set_lock_reduction_interval: globalSetter(
      38,
      ['interval', 'u64'],
      s.NetworkLockReductionInterval,
      'NetworkLockCostReductionIntervalSet',
    ),
    sudo_set_stake_threshold: globalSetter(42, ['min_stake', 'u64'], s.StakeThreshold, 'StakeThresholdSet'),
    sudo_set_commit_reveal_version: globalSetter(
      71,
      ['version', 'u16'],
      s.CommitRevealWeightsVersion,
      'CommitRevealVersionSet',
    ),
    sudo_set_admin_freeze_window: globalSetter(74, ['window', 'u16'], s.AdminFreezeWindow, 'AdminFreezeWindowSet'),
    sudo_set_start_call_delay: globalSetter(85, ['delay', 'u64'], s.StartCallDelay, 'StartCallDelaySet'),
    sudo_set_max_epochs_per_block: globalSetter(
      96,
      ['max_epochs_per_block', 'u8'],
      s.MaxEpochsPerBlock,
      'MaxEpochsPerBlockSet',
      (value: number) => ensureAdmin(value >= 1, 'ValueNotInBounds'),
    ),
  },
  events: [
    ['Yuma3EnableToggled', 1, { netuid: 'u16', enabled: 'bool' }],
    ['BondsResetToggled', 2, { netuid: 'u16', enabled: 'bool' }],
    ['BurnHalfLifeSet', 3, { netuid: 'u16', burn_half_life: 'u16' }],
    ['SubnetEmissionEnabledSet', 5, { netuid: 'u16', enabled: 'bool' }],
  ],
  errors: [
    'SubnetDoesNotExist',
    'MaxValidatorsLargerThanMaxUIds',
    'MaxAllowedUIdsLessThanCurrentUIds',
    'BondsMovingAverageMaxReached',
    'NegativeSigmoidSteepness',
    'ValueNotInBounds',
    'MinAllowedUidsGreaterThanCurrentUids',
    'MinAllowedUidsGreaterThanMaxAllowedUids',
    'MaxAllowedUidsLessThanMinAllowedUids',
    'MaxAllowedUidsGreaterThanDefaultMaxAllowedUids',
    'InvalidValue',
    'NotPermittedOnRootSubnet',
    'POWRegistrationDisabled',
    'Deprecated',
  ],
};
