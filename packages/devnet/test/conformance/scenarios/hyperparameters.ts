import { freshSubnet, NETUID } from '../levelling.ts';
import {
  type Args,
  call,
  type Difference,
  differs,
  inner,
  level,
  type More,
  type Step,
  scenario,
  sudo,
} from '../scenario.ts';

/** AdminUtils: every call that the emulation describes. */

type Role = 'sudo' | 'owner' | 'stranger' | 'missing';

/** A call about one subnet, with two values, so that sudo and the owner each change something. */
interface Setting {
  readonly name: string;
  readonly item: string;
  readonly values: readonly [sudo: Args, owner: Args];
  readonly differs?: Partial<Record<Role, Difference>>;
}

const setting = (
  name: string,
  arg: string,
  item: string,
  bySudo: unknown,
  byOwner: unknown,
  differs?: Setting['differs'],
): Setting => ({ name, item, values: [{ [arg]: bySudo }, { [arg]: byOwner }], ...(differs ? { differs } : {}) });

/** Amounts are not compared, only that something is paid. */
const SOME_FEE = 1;
export const PAID = differs('admin-fees', { fee: SOME_FEE });
/** A call that costs the signer nothing at 293, but sudo's never do. */
const FREE = { owner: PAID, stranger: PAID };

/** The owner may at 424 only. */
const ownerMay = (event: string, item: string, bytes: string): Setting['differs'] => ({
  owner: differs('owner-settings', { result: 'ok', events: [event], storage: { [item]: bytes } }),
});

const SETTINGS: readonly Setting[] = [
  setting('serving_rate_limit', 'serving_rate_limit', 'ServingRateLimit', 7, 8),
  setting('min_difficulty', 'min_difficulty', 'MinDifficulty', 1000, 1001),
  setting('max_difficulty', 'max_difficulty', 'MaxDifficulty', 2000, 2001),
  setting('weights_version_key', 'weights_version_key', 'WeightsVersionKey', 3, 4),
  setting('weights_set_rate_limit', 'weights_set_rate_limit', 'WeightsSetRateLimit', 5, 6),
  setting('adjustment_interval', 'adjustment_interval', 'AdjustmentInterval', 10_001, 10_002),
  setting('adjustment_alpha', 'adjustment_alpha', 'AdjustmentAlpha', 58_000, 58_001, FREE),
  setting('immunity_period', 'immunity_period', 'ImmunityPeriod', 99, 100),
  setting('min_allowed_weights', 'min_allowed_weights', 'MinAllowedWeights', 2, 3),
  setting(
    'max_allowed_uids',
    'max_allowed_uids',
    'MaxAllowedUids',
    200,
    201,
    ownerMay('SubtensorModule.MaxAllowedUidsSet(2, 201)', 'SubtensorModule.MaxAllowedUids(2)', '0xc900'),
  ),
  setting('kappa', 'kappa', 'Kappa', 30_000, 30_001, {
    owner: differs('owner-settings', {
      result: 'BadOrigin',
      events: [],
      storage: { 'SubtensorModule.Kappa(2)': '0x3075' },
    }),
  }),
  setting('rho', 'rho', 'Rho', 11, 12),
  setting('activity_cutoff', 'activity_cutoff', 'ActivityCutoff', 360, 361),
  setting('network_registration_allowed', 'registration_allowed', 'NetworkRegistrationAllowed', false, true, FREE),
  setting(
    'target_registrations_per_interval',
    'target_registrations_per_interval',
    'TargetRegistrationsPerInterval',
    3,
    4,
  ),
  setting(
    'min_burn',
    'min_burn',
    'MinBurn',
    600_000,
    600_001,
    ownerMay('SubtensorModule.MinBurnSet(2, 600001)', 'SubtensorModule.MinBurn(2)', '0xc127090000000000'),
  ),
  setting(
    'max_burn',
    'max_burn',
    'MaxBurn',
    200_000_000,
    200_000_001,
    ownerMay('SubtensorModule.MaxBurnSet(2, 200000001)', 'SubtensorModule.MaxBurn(2)', '0x01c2eb0b00000000'),
  ),
  setting('difficulty', 'difficulty', 'Difficulty', 1500, 1501),
  setting('max_allowed_validators', 'max_allowed_validators', 'MaxAllowedValidators', 12, 13),
  setting('bonds_moving_average', 'bonds_moving_average', 'BondsMovingAverage', 800_000, 800_001),
  setting('bonds_penalty', 'bonds_penalty', 'BondsPenalty', 100, 101),
  setting('max_registrations_per_block', 'max_registrations_per_block', 'MaxRegistrationsPerBlock', 3, 4),
  setting('commit_reveal_weights_enabled', 'enabled', 'CommitRevealWeightsEnabled', true, false),
  setting('liquid_alpha_enabled', 'enabled', 'LiquidAlphaOn', false, true, FREE),
  {
    name: 'alpha_values',
    item: 'AlphaValues',
    values: [
      { alpha_low: 2000, alpha_high: 50_000 },
      { alpha_low: 2001, alpha_high: 50_001 },
    ],
    differs: {
      sudo: differs('root-sets-alpha', { result: 'ok', storage: { 'SubtensorModule.AlphaValues(2)': '0xd00750c3' } }),
      owner: PAID,
      stranger: PAID,
      missing: differs('root-sets-alpha', { result: 'SubtensorModule.LiquidAlphaDisabled' }),
    },
  },
  setting('commit_reveal_weights_interval', 'interval', 'RevealPeriodEpochs', 2, 3),
  setting('subtoken_enabled', 'subtoken_enabled', 'SubtokenEnabled', true, false, FREE),
  setting('alpha_sigmoid_steepness', 'steepness', 'AlphaSigmoidSteepness', -5, 6, FREE),
  setting('yuma3_enabled', 'enabled', 'Yuma3On', false, true, FREE),
  setting('bonds_reset_enabled', 'enabled', 'BondsResetOn', true, false, FREE),
];

const CHAIN_WIDE: readonly (readonly [name: string, arg: string, item: string, value: number])[] = [
  ['tx_rate_limit', 'tx_rate_limit', 'TxRateLimit', 1001],
  ['subnet_owner_cut', 'subnet_owner_cut', 'SubnetOwnerCut', 11_000],
  ['network_rate_limit', 'rate_limit', 'NetworkRateLimit', 7000],
  ['network_immunity_period', 'immunity_period', 'NetworkImmunityPeriod', 7777],
  ['network_min_lock_cost', 'lock_cost', 'NetworkMinLockCost', 5_000_000],
  ['lock_reduction_interval', 'interval', 'NetworkLockReductionInterval', 1234],
  ['stake_threshold', 'min_stake', 'StakeThreshold', 77],
];

export const here = (args: Args): Args => ({ netuid: NETUID, ...args });

export const target = (name: string): string => `AdminUtils.sudo_set_${name}`;

/** By sudo, by the owner, by somebody else; and by sudo for a subnet that does not exist. */
const whoMay = ({ name, item, values: [first, second], differs: unlike = {} }: Setting): Step[] => {
  const more = (role: Role): More => (unlike[role] ? { differs: unlike[role] } : {});
  const reads = (netuid: number) => ({ read: [[`SubtensorModule.${item}`, netuid]] as const });
  return [
    sudo(`${name} by sudo`, target(name), here(first), { ...more('sudo'), ...reads(NETUID) }),
    call(`${name} by the owner`, '@Alice', target(name), here(second), { ...more('owner'), ...reads(NETUID) }),
    call(`${name} by a stranger`, '@Bob', target(name), here(first), more('stranger')),
    sudo(`${name} of no subnet`, target(name), { netuid: 77, ...first }, { ...more('missing'), ...reads(77) }),
  ];
};

/** Nothing is near an epoch: tempo 0, here and where there is no subnet. */
const NO_EPOCHS = level('no epochs anywhere, no adjusted difficulty', [
  [['SubtensorModule.Tempo', 77], 0],
  [['SubtensorModule.Tempo', 1], 0],
  [['SubtensorModule.AdjustmentInterval', 0], 10_000],
  [['SubtensorModule.AdjustmentInterval', 1], 10_000],
]);

export const hyperparameters = scenario('hyperparameters', [freshSubnet(), NO_EPOCHS, ...SETTINGS.map(whoMay)]);

export const chainParameters = scenario('chain-parameters', [
  ...CHAIN_WIDE.map(([name, arg, item, value]) => [
    sudo(`${name} by sudo`, target(name), { [arg]: value }, { read: [[`SubtensorModule.${item}`]] }),
    call(`${name} by a stranger`, '@Bob', target(name), { [arg]: value + 1 }, { differs: PAID }),
  ]),
  sudo(
    'subnet_limit by sudo',
    target('subnet_limit'),
    { max_subnets: 99 },
    {
      read: [['SubtensorModule.SubnetLimit']],
      differs: differs('subnet-limit', {
        events: ['SubtensorModule.SubnetLimitSet(99)'],
        storage: { 'SubtensorModule.SubnetLimit': '0x6300' },
      }),
    },
  ),
  call('sudo by somebody else', '@Bob', 'Sudo.sudo', { call: inner(target('tx_rate_limit'), { tx_rate_limit: 5 }) }),
]);

/** As far from any epoch as can be, so that the window alone decides. */
const TEMPO = 65_535;
const NEVER_FROZEN = new Set([
  'weights_set_rate_limit',
  'adjustment_interval',
  'kappa',
  'network_registration_allowed',
]);
const FROZEN = differs('admin-freeze', {
  result: 'SubtensorModule.AdminActionProhibitedDuringWeightsWindow',
  events: [],
});
const rho = (name: string, frozen: boolean): Step =>
  sudo(name, target('rho'), here({ rho: 9 }), frozen ? { differs: FROZEN } : {});
const windowOf = (name: string, blocks: number): Step =>
  level(name, [
    [['SubtensorModule.AdminFreezeWindow'], blocks],
    [['SubtensorModule.LastEpochBlock', NETUID], 0],
  ]);

export const hyperparametersFrozen = scenario('hyperparameters-frozen', [
  freshSubnet({ Tempo: TEMPO }),
  windowOf('a window that begins in block 3', TEMPO - 2),
  rho('in block 2', false),
  rho('in block 3', true),
  windowOf('no window', 0),
  rho('without a window', false),
  level('an epoch was triggered', [[['SubtensorModule.PendingEpochAt', NETUID], 1000]]),
  rho('until it has run', true),
  level('none was triggered', [[['SubtensorModule.PendingEpochAt', NETUID], 0]]),
  windowOf('always within the window', TEMPO),
  ...SETTINGS.filter(({ name }) => name !== 'alpha_values').map(({ name, values: [value] }) =>
    sudo(`${name} while frozen`, target(name), here(value), NEVER_FROZEN.has(name) ? {} : { differs: FROZEN }),
  ),
  call('the owner is frozen, too', '@Alice', target('rho'), here({ rho: 9 }), { differs: FROZEN }),
  call('but a stranger is first of all a stranger', '@Bob', target('rho'), here({ rho: 9 })),
  sudo('no subnet at all, first of all frozen', target('rho'), { netuid: 77, rho: 9 }, { differs: FROZEN }),
  level('no epochs', [[['SubtensorModule.Tempo', NETUID], 0]]),
  rho('without epochs', false),
]);
