import { freshSubnet, NETUID, neurons } from '../levelling.ts';
import { type Args, call, differs, level, type More, type Step, scenario, sudo } from '../scenario.ts';
import { here, PAID, target } from './hyperparameters.ts';

/** Which values hyperparameters may have, and those that spec 293 has no call for. */

const bound = (name: string, setter: string, args: Args, more: More = {}): Step =>
  sudo(name, target(setter), { netuid: NETUID, ...args }, more);
const ownerBound = (name: string, setter: string, args: Args, more: More = {}): Step =>
  call(name, '@Alice', target(setter), { netuid: NETUID, ...args }, more);

export const hyperparameterBounds = scenario('hyperparameter-bounds', [
  freshSubnet(),
  neurons('@Bob', '@Charlie'),
  level('at least two uids', [[['SubtensorModule.MinAllowedUids', NETUID], 2]]),
  bound(
    'as many uids as there are',
    'max_allowed_uids',
    { max_allowed_uids: 3 },
    { differs: differs('setting-bounds', { result: 'ok', events: ['SubtensorModule.MaxAllowedUidsSet(2, 3)'] }) },
  ),
  bound('fewer uids than there are', 'max_allowed_uids', { max_allowed_uids: 2 }),
  bound(
    'fewer uids than the least',
    'max_allowed_uids',
    { max_allowed_uids: 1 },
    { differs: differs('setting-bounds', { result: 'AdminUtils.MaxAllowedUidsLessThanMinAllowedUids', events: [] }) },
  ),
  bound('the most uids', 'max_allowed_uids', { max_allowed_uids: 256 }),
  bound(
    'more uids than the most',
    'max_allowed_uids',
    { max_allowed_uids: 257 },
    {
      differs: differs('setting-bounds', {
        result: 'AdminUtils.MaxAllowedUidsGreaterThanDefaultMaxAllowedUids',
        events: [],
      }),
    },
  ),
  bound('as many validators as uids', 'max_allowed_validators', { max_allowed_validators: 256 }),
  bound(
    'more validators than uids',
    'max_allowed_validators',
    { max_allowed_validators: 257 },
    { differs: differs('setting-bounds', { result: 'AdminUtils.MaxValidatorsLargerThanMaxUIds', events: [] }) },
  ),
  bound('the least cutoff', 'activity_cutoff', { activity_cutoff: 360 }),
  bound('less than the least cutoff', 'activity_cutoff', { activity_cutoff: 359 }),
  bound(
    'a reveal period of none',
    'commit_reveal_weights_interval',
    { interval: 0 },
    { differs: differs('setting-bounds', { result: 'SubtensorModule.RevealPeriodTooSmall', events: [] }) },
  ),
  bound('a reveal period of 100', 'commit_reveal_weights_interval', { interval: 100 }),
  bound(
    'a reveal period of 101',
    'commit_reveal_weights_interval',
    { interval: 101 },
    { differs: differs('setting-bounds', { result: 'SubtensorModule.RevealPeriodTooLarge', events: [] }) },
  ),
  bound(
    'a min burn of 1 TAO',
    'min_burn',
    { min_burn: 1_000_000_000 },
    { differs: differs('setting-bounds', { result: 'AdminUtils.ValueNotInBounds', events: [] }) },
  ),
  bound('a min burn of a hair less', 'min_burn', { min_burn: 999_999_999 }),
  bound(
    'a max burn of 0.1 TAO',
    'max_burn',
    { max_burn: 100_000_000 },
    { differs: differs('setting-bounds', { result: 'AdminUtils.ValueNotInBounds', events: [] }) },
  ),
  bound(
    'a max burn of the min burn',
    'max_burn',
    { max_burn: 999_999_999 },
    { differs: differs('setting-bounds', { result: 'AdminUtils.ValueNotInBounds', events: [] }) },
  ),
  bound('a max burn above it', 'max_burn', { max_burn: 1_000_000_000 }),
  bound('bonds above 0.975 by sudo', 'bonds_moving_average', { bonds_moving_average: 975_001 }),
  ownerBound('bonds above 0.975 by the owner', 'bonds_moving_average', { bonds_moving_average: 975_001 }),
  ownerBound('bonds of 0.975 by the owner', 'bonds_moving_average', { bonds_moving_average: 975_000 }),
  ownerBound('a negative steepness by the owner', 'alpha_sigmoid_steepness', { steepness: -1 }, { differs: PAID }),
  ownerBound('liquid alpha off, its values', 'alpha_values', { alpha_low: 2000, alpha_high: 3000 }, { differs: PAID }),
  bound('liquid alpha on', 'liquid_alpha_enabled', { enabled: true }),
  ownerBound('the least values', 'alpha_values', { alpha_low: 1638, alpha_high: 1638 }, { differs: PAID }),
  ownerBound('a high value that is too low', 'alpha_values', { alpha_low: 1638, alpha_high: 1637 }, { differs: PAID }),
  ownerBound('a low value that is too low', 'alpha_values', { alpha_low: 1637, alpha_high: 3000 }, { differs: PAID }),
  ownerBound(
    'a low value above the high one',
    'alpha_values',
    { alpha_low: 3001, alpha_high: 3000 },
    { differs: PAID },
  ),
  ownerBound('a high value of the most', 'alpha_values', { alpha_low: 2000, alpha_high: 65_535 }, { differs: PAID }),
]);

/** What spec 293 has no call for. `by` sudo. */
const since424 = (
  name: string,
  setter: string,
  args: Args,
  result: string,
  event?: string,
  stored?: readonly [string, string],
): Step =>
  sudo(name, target(setter), args, {
    ...(stored ? { read: [stored[0].endsWith('(2)') ? [stored[0].slice(0, -3), NETUID] : [stored[0]]] } : {}),
    differs: differs('newer-settings', {
      result,
      events: event ? [event] : [],
      fee: 0,
      ...(stored ? { storage: { [stored[0]]: stored[1] } } : {}),
    }),
  });

export const newerParameters = scenario('newer-parameters', [
  freshSubnet(),
  neurons('@Bob', '@Charlie'),
  since424(
    'a burn half life',
    'burn_half_life',
    here({ burn_half_life: 36_100 }),
    'ok',
    'AdminUtils.BurnHalfLifeSet(2, 36100)',
    ['SubtensorModule.BurnHalfLife(2)', '0x048d'],
  ),
  since424('no half life', 'burn_half_life', here({ burn_half_life: 0 }), 'AdminUtils.InvalidValue'),
  since424('too long a half life', 'burn_half_life', here({ burn_half_life: 36_101 }), 'AdminUtils.InvalidValue'),
  since424(
    'a half life at root',
    'burn_half_life',
    { netuid: 0, burn_half_life: 5 },
    'AdminUtils.NotPermittedOnRootSubnet',
  ),
  since424(
    'a version of commit-reveal',
    'commit_reveal_version',
    { version: 5 },
    'ok',
    'SubtensorModule.CommitRevealVersionSet(5)',
    ['SubtensorModule.CommitRevealWeightsVersion', '0x0500'],
  ),
  since424(
    'epochs in a block',
    'max_epochs_per_block',
    { max_epochs_per_block: 1 },
    'ok',
    'SubtensorModule.MaxEpochsPerBlockSet(1)',
    ['SubtensorModule.MaxEpochsPerBlock', '0x01'],
  ),
  since424('no epochs in a block', 'max_epochs_per_block', { max_epochs_per_block: 0 }, 'AdminUtils.ValueNotInBounds'),
  since424(
    'least uids',
    'min_allowed_uids',
    here({ min_allowed_uids: 2 }),
    'ok',
    'SubtensorModule.MinAllowedUidsSet(2, 2)',
    ['SubtensorModule.MinAllowedUids(2)', '0x0200'],
  ),
  since424(
    'as many least uids as uids',
    'min_allowed_uids',
    here({ min_allowed_uids: 3 }),
    'AdminUtils.MinAllowedUidsGreaterThanCurrentUids',
  ),
  since424(
    'as many least uids as most',
    'min_allowed_uids',
    here({ min_allowed_uids: 256 }),
    'AdminUtils.MinAllowedUidsGreaterThanMaxAllowedUids',
  ),
  since424(
    'uids that are not immune',
    'min_non_immune_uids',
    here({ min: 4 }),
    'ok',
    'SubtensorModule.MinNonImmuneUidsSet(2, 4)',
    ['SubtensorModule.MinNonImmuneUids(2)', '0x0400'],
  ),
  since424('immune uids of the owner', 'owner_immune_neuron_limit', here({ immune_neurons: 10 }), 'ok', undefined, [
    'SubtensorModule.ImmuneOwnerUidsLimit(2)',
    '0x0a00',
  ]),
  since424('more of them', 'owner_immune_neuron_limit', here({ immune_neurons: 11 }), 'SubtensorModule.InvalidValue'),
  since424('none of them', 'owner_immune_neuron_limit', here({ immune_neurons: 0 }), 'SubtensorModule.InvalidValue'),
  since424('recycling', 'recycle_or_burn', here({ recycle_or_burn: 'Recycle' }), 'ok', undefined, [
    'SubtensorModule.RecycleOrBurn(2)',
    '0x01',
  ]),
  since424('a delay of start_call', 'start_call_delay', { delay: 9 }, 'ok', 'SubtensorModule.StartCallDelaySet(9)', [
    'SubtensorModule.StartCallDelay',
    '0x0900000000000000',
  ]),
  since424(
    'emission',
    'subnet_emission_enabled',
    here({ enabled: true }),
    'ok',
    'AdminUtils.SubnetEmissionEnabledSet(2, true)',
    ['SubtensorModule.SubnetEmissionEnabled(2)', '0x01'],
  ),
  since424(
    'emission of root',
    'subnet_emission_enabled',
    { netuid: 0, enabled: true },
    'AdminUtils.NotPermittedOnRootSubnet',
  ),
  since424('a freeze window', 'admin_freeze_window', { window: 12 }, 'ok', 'SubtensorModule.AdminFreezeWindowSet(12)', [
    'SubtensorModule.AdminFreezeWindow',
    '0x0c00',
  ]),
]);
