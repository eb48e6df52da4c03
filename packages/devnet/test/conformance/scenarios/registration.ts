import { freshSubnet, fund, NETUID } from '../levelling.ts';
import {
  type Args,
  call,
  type Difference,
  differs,
  type ItemSpec,
  inner,
  level,
  type More,
  type Outcome,
  read,
  scenario,
} from '../scenario.ts';
import type { DifferenceId } from '../spec-differences.ts';

const PALLET = 'SubtensorModule';
const BURN = 1_000_000_000;
const PER_SUBNET = [
  'SubnetworkN',
  'Burn',
  'RAORecycledForRegistration',
  'RegistrationsThisBlock',
  'Active',
  'ValidatorPermit',
  'Consensus',
  'Incentive',
  'Dividends',
  'ValidatorTrust',
  'StakeWeight',
  'Emission',
  'LastUpdate',
];
const subnetRows = (...names: string[]): ItemSpec[] => names.map((name) => [`${PALLET}.${name}`, NETUID]);
const hotkeyRows = (hotkey: string, netuid = NETUID): ItemSpec[] => [
  [`${PALLET}.Uids`, netuid, hotkey],
  [`${PALLET}.IsNetworkMember`, hotkey, netuid],
  [`${PALLET}.Owner`, hotkey],
];
const coldkeyRows = (coldkey: string): ItemSpec[] => [
  [`${PALLET}.OwnedHotkeys`, coldkey],
  [`${PALLET}.StakingHotkeys`, coldkey],
];
const uidRows = (uid: number): ItemSpec[] => [
  [`${PALLET}.Keys`, NETUID, uid],
  [`${PALLET}.BlockAtRegistration`, NETUID, uid],
];

/** Every registration pays a fee at 424. */
const fee = (more: Partial<Outcome> = {}, ...ids: DifferenceId[]): { differs: Difference } => ({
  differs: differs(['registration-fee', ...ids], { fee: 1, ...more }),
});
/** One that is done pays the subnet's account. */
const paid = (coldkey: string, hotkey: string, uid: number, recycled: number): string[] => [
  `Balances.Transfer(${coldkey}, @subnet:${NETUID}, ${BURN})`,
  `${PALLET}.RAORecycledForRegistrationSet(${NETUID}, ${recycled})`,
  `${PALLET}.NeuronRegistered(${NETUID}, ${uid}, ${hotkey})`,
];
const done = (...args: Parameters<typeof paid>) => fee({ events: paid(...args) }, 'subnet-holds-tao');

const register = (name: string, by: string, hotkey: string, more: More, args: Args = {}) =>
  call(name, by, `${PALLET}.burned_register`, { netuid: NETUID, hotkey, ...args }, more);
const allow = (name: string, allowed: boolean) =>
  level(name, [[[`${PALLET}.NetworkRegistrationAllowed`, NETUID], allowed]]);

export const registration = scenario('registration', [
  freshSubnet(),
  level('a price that does not move', [
    [[`${PALLET}.BurnHalfLife`, NETUID], 0],
    [[`${PALLET}.BurnIncreaseMult`, NETUID], { bits: '0x10000000000000000' }],
    [[`${PALLET}.BurnHalfLife`, 1], 0],
  ]),
  fund(400_000_000, '@Poor'),
  register('on root', '@Bob', '@Bob/hot', fee(), { netuid: 0 }),
  register(
    'on a subnet that does not exist',
    '@Bob',
    '@Bob/hot',
    fee({ result: `${PALLET}.SubnetNotExists` }, 'missing-subnet'),
    { netuid: 77 },
  ),
  allow('registration is switched off', false),
  register('where registration is off', '@Bob', '@Bob/hot', fee()),
  allow('registration is switched on', true),
  register('the first', '@Bob', '@Bob/hot', {
    ...done('@Bob', '@Bob/hot', 1, BURN),
    read: [...subnetRows(...PER_SUBNET), ...hotkeyRows('@Bob/hot'), ...coldkeyRows('@Bob'), ...uidRows(1)],
  }),
  register('twice', '@Bob', '@Bob/hot', fee()),
  register('twice, by another who is poor', '@Poor', '@Bob/hot', fee()),
  register('too poor', '@Poor', '@Poor/hot', { ...fee(), read: hotkeyRows('@Poor/hot') }),
  register(
    'a hotkey of Bob on subnet 1',
    '@Bob',
    '@Bob/second',
    {
      ...fee(
        {
          events: [
            'System.NewAccount(@subnet:1)',
            'Balances.Endowed(@subnet:1, 100000000)',
            'Balances.Transfer(@Bob, @subnet:1, 100000000)',
            `${PALLET}.RAORecycledForRegistrationSet(1, 100000000)`,
            `${PALLET}.NeuronRegistered(1, 1, @Bob/second)`,
          ],
        },
        'subnet-holds-tao',
      ),
      read: hotkeyRows('@Bob/second', 1),
    },
    { netuid: 1 },
  ),
  register("Bob's hotkey by Charlie", '@Charlie', '@Bob/second', { ...fee(), read: hotkeyRows('@Bob/second') }),
  register("Bob's hotkey by one who is poor", '@Poor', '@Bob/second', fee()),
  register('on another subnet, too', '@Bob', '@Bob/second', {
    ...done('@Bob', '@Bob/second', 2, 2 * BURN),
    read: [
      ...hotkeyRows('@Bob/second'),
      ...coldkeyRows('@Bob'),
      ...uidRows(2),
      ...subnetRows('SubnetworkN', 'LastUpdate'),
    ],
  }),
  register('a coldkey as its own hotkey', '@Charlie', '@Charlie', {
    ...done('@Charlie', '@Charlie', 3, 3 * BURN),
    read: hotkeyRows('@Charlie'),
  }),
  allow('registration is switched off again', false),
  register('off comes before twice', '@Bob', '@Bob/hot', fee()),
  allow('registration is switched on again', true),
  call(
    'in a batch the first failure ends it',
    '@Charlie',
    'Utility.batch',
    {
      calls: [
        inner(`${PALLET}.burned_register`, { netuid: NETUID, hotkey: '@Charlie/a' }),
        inner(`${PALLET}.burned_register`, { netuid: NETUID, hotkey: '@Charlie/a' }),
        inner(`${PALLET}.burned_register`, { netuid: NETUID, hotkey: '@Charlie/b' }),
      ],
    },
    {
      read: [...hotkeyRows('@Charlie/a'), ...hotkeyRows('@Charlie/b')],
      differs: differs('subnet-holds-tao', {
        events: [
          ...paid('@Charlie', '@Charlie/a', 4, 4 * BURN),
          'Utility.ItemCompleted',
          `Utility.BatchInterrupted(1, {"error":"${PALLET}.HotKeyAlreadyRegisteredInSubNet"})`,
        ],
      }),
    },
  ),
  call(
    'all or nothing',
    '@Charlie',
    'Utility.batch_all',
    {
      calls: [
        inner(`${PALLET}.burned_register`, { netuid: NETUID, hotkey: '@Charlie/c' }),
        inner(`${PALLET}.burned_register`, { netuid: 77, hotkey: '@Charlie/d' }),
      ],
    },
    { read: hotkeyRows('@Charlie/c'), differs: differs('missing-subnet', { result: `${PALLET}.SubnetNotExists` }) },
  ),
  read('so far', subnetRows('SubnetworkN', 'RAORecycledForRegistration', 'Active')),
  register(
    "a subnet's own account",
    '@Charlie',
    '@subnet:1',
    fee({ result: `${PALLET}.CannotUseSystemAccount`, events: [] }, 'system-accounts'),
  ),
  level('no uids at all', [[[`${PALLET}.MaxAllowedUids`, NETUID], 0]]),
  call('a hotkey of Bob that is registered nowhere', '@Bob', `${PALLET}.try_associate_hotkey`, {
    hotkey: '@Bob/fourth',
  }),
  register('by Charlie, which comes before that there are no uids', '@Charlie', '@Bob/fourth', fee()),
  register('where there are no uids', '@Bob', '@Bob/third', { ...fee(), read: hotkeyRows('@Bob/third') }),
]);
