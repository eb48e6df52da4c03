import { freshSubnet, fund, NETUID } from '../levelling.ts';
import {
  blocks,
  call,
  type Difference,
  differs,
  type ItemSpec,
  level,
  type More,
  type Step,
  scenario,
} from '../scenario.ts';
import type { DifferenceId } from '../spec-differences.ts';

const PALLET = 'SubtensorModule';
const NEW_SUBNET = [
  'NetworksAdded',
  'SubnetworkN',
  'SubnetOwner',
  'SubnetOwnerHotkey',
  'NetworkRegisteredAt',
  'NetworkRegistrationAllowed',
  'SubnetMechanism',
  'MaxAllowedUids',
  'MaxAllowedValidators',
  'MinAllowedWeights',
  'ImmunityPeriod',
  'Kappa',
  'SubtokenEnabled',
  'FirstEmissionBlockNumber',
  'Active',
  'LastUpdate',
];
const rows = (netuid: number, ...names: string[]): ItemSpec[] => names.map((name) => [`${PALLET}.${name}`, netuid]);
const register = (name: string, by: string, hotkey: string, more: More = {}): Step =>
  call(name, by, `${PALLET}.register_network`, { hotkey }, more);
const limit = (name: string, rate: number): Step => level(name, [[[`${PALLET}.NetworkRateLimit`], rate]]);
const announced = (netuid: number, coldkey: string, hotkey: string, locked: number): string[] => [
  `${PALLET}.RegistrationAllowed(${netuid}, true)`,
  `${PALLET}.MaxAllowedUidsSet(${netuid}, 256)`,
  `${PALLET}.MaxAllowedValidatorsSet(${netuid}, 64)`,
  `${PALLET}.MinAllowedWeightSet(${netuid}, 1)`,
  `${PALLET}.ImmunityPeriodSet(${netuid}, 5000)`,
  `System.NewAccount(@subnet:${netuid})`,
  `Balances.Endowed(@subnet:${netuid}, ${locked})`,
  `Balances.Transfer(${coldkey}, @subnet:${netuid}, ${locked})`,
  `${PALLET}.SubnetOwnerHotkeySet(${netuid}, ${hotkey})`,
  `${PALLET}.NetworkAdded(${netuid}, 1)`,
];

const newSubnet = (...args: Parameters<typeof announced>): Difference =>
  differs(['registration-fee', 'new-subnet-settings', 'subnet-holds-tao'], { fee: 1, events: announced(...args) });
/** 293 lets it through and makes one more network. */
const refused = (id: DifferenceId, error: string): More => ({
  differs: differs(['registration-fee', id], { fee: 1, result: `${PALLET}.${error}`, events: [] }),
});
const limitedInPool: More = {
  differs: differs('network-limit-in-pool', { result: 'pool 1010 Custom 6 RateLimitExceeded' }),
};

export const networks = scenario('networks', [
  level('the price of a network', [
    [[`${PALLET}.NetworkRateLimit`], 0],
    [[`${PALLET}.NetworkMinLockCost`], 1_000_000_000],
    [[`${PALLET}.NetworkLastLockCost`], 3_000_000_000],
    [[`${PALLET}.NetworkLockReductionInterval`], 100],
  ]),
  fund(900_000_000, '@Poor'),
  register('a network', '@Alice', '@Alice/hot', {
    read: [
      ...rows(2, ...NEW_SUBNET),
      [`${PALLET}.TotalNetworks`],
      [`${PALLET}.NetworkLastLockCost`],
      [`${PALLET}.Keys`, 2, 0],
      [`${PALLET}.Uids`, 2, '@Alice/hot'],
      [`${PALLET}.Owner`, '@Alice/hot'],
    ],
    differs: newSubnet(2, '@Alice', '@Alice/hot', 2_940_000_000),
  }),
  limit('ten blocks between networks', 10),
  register('too soon', '@Bob', '@Bob/hot', limitedInPool),
  register("too soon, with another's hotkey", '@Bob', '@Alice/hot', limitedInPool),
  limit('no limit', 0),
  register("another's hotkey", '@Bob', '@Alice/hot', { differs: differs('registration-fee', { fee: 1 }) }),
  register('too poor', '@Poor', '@Poor/hot', {
    differs: differs(['registration-fee', 'lock-cost-error'], { fee: 1, result: `${PALLET}.CannotAffordLockCost` }),
  }),
  register("too poor and another's hotkey", '@Poor', '@Alice/hot', {
    differs: differs('registration-fee', { fee: 1 }),
  }),
  register('twice the price, less what fell off it since', '@Bob', '@Bob/hot', {
    read: [[`${PALLET}.NetworkLastLockCost`], ...rows(3, 'NetworksAdded', 'SubnetOwner')],
    differs: newSubnet(3, '@Bob', '@Bob/hot', 5_703_600_000),
  }),
  level('the price falls faster', [[[`${PALLET}.NetworkLockReductionInterval`], 10]]),
  blocks('the price falls to its least', 20),
  register('another with the same hotkey', '@Bob', '@Bob/hot', {
    read: [[`${PALLET}.NetworkLastLockCost`], [`${PALLET}.Uids`, 4, '@Bob/hot']],
    differs: newSubnet(4, '@Bob', '@Bob/hot', 1_000_000_000),
  }),
  level('networks begin at block 1000', [[[`${PALLET}.NetworkRegistrationStartBlock`], 1000]]),
  register(
    'before the first block',
    '@Alice',
    '@Alice/hot',
    refused('network-start-block', 'SubNetRegistrationDisabled'),
  ),
  level('networks have begun, and four may be', [
    [[`${PALLET}.NetworkRegistrationStartBlock`], 0],
    [[`${PALLET}.SubnetLimit`], 4],
  ]),
  register('a fifth', '@Alice', '@Alice/hot', refused('network-limit', 'SubnetLimitReached')),
  level('there is room', [[[`${PALLET}.SubnetLimit`], 128]]),
  register(
    "a subnet's own account as hotkey",
    '@Alice',
    '@subnet:1',
    refused('system-accounts', 'CannotUseSystemAccount'),
  ),
]);

export const firstNetwork = scenario('first-network', [
  level('the limit to networks of mainnet', [[[`${PALLET}.NetworkRateLimit`], 7200]]),
  register('the first network of a chain', '@Alice', '@Alice/hot', {
    differs: differs(['registration-fee', 'first-network'], {
      fee: 1,
      result: 'ok',
      events: announced(2, '@Alice', '@Alice/hot', 1_000_000_000_000),
    }),
  }),
]);

const start = (name: string, by: string, netuid: number, more: More = {}): Step =>
  call(name, by, `${PALLET}.start_call`, { netuid }, more);

export const startCall = scenario('start-call', [
  freshSubnet(),
  level('ten blocks of delay, as are built into 293', [[[`${PALLET}.StartCallDelay`], 10]]),
  start('a subnet that does not exist', '@Alice', 77, {
    differs: differs('missing-subnet', { result: `${PALLET}.SubnetNotExists` }),
  }),
  start('by another than the owner', '@Bob', NETUID),
  start('by the hotkey of the owner', '@Alice/hot', NETUID),
  start('too soon', '@Alice', NETUID, { read: rows(NETUID, 'FirstEmissionBlockNumber', 'SubtokenEnabled') }),
  blocks('until the last block of the delay', 4),
  start('one block too soon', '@Alice', NETUID),
  start('late enough', '@Alice', NETUID, { read: rows(NETUID, 'FirstEmissionBlockNumber', 'SubtokenEnabled') }),
  start('twice', '@Alice', NETUID),
  start('twice, by another', '@Bob', NETUID),
]);
