import { freshSubnet, fund, NETUID, neurons } from '../levelling.ts';
import {
  call,
  type Difference,
  differs,
  type ItemSpec,
  level,
  type Outcome,
  read,
  type Step,
  scenario,
  type Write,
} from '../scenario.ts';
import type { DifferenceId } from '../spec-differences.ts';

const PALLET = 'SubtensorModule';
const subnet = (item: string): ItemSpec => [`${PALLET}.${item}`, NETUID];
const VECTORS = [
  'Active',
  'Consensus',
  'Incentive',
  'Dividends',
  'ValidatorTrust',
  'ValidatorPermit',
  'StakeWeight',
  'Emission',
];
const tables = (...uids: number[]): ItemSpec[] =>
  uids.flatMap((uid) =>
    ['Keys', 'BlockAtRegistration', 'Weights', 'Bonds'].map((item): ItemSpec => [`${PALLET}.${item}`, NETUID, uid]),
  );
const rows = (hotkey: string): ItemSpec[] => [
  ...['Uids', 'Axons', 'Prometheus', 'NeuronCertificates'].map(
    (item): ItemSpec => [`${PALLET}.${item}`, NETUID, hotkey],
  ),
  [`${PALLET}.IsNetworkMember`, hotkey, NETUID],
];
/** What was emitted last; at 293 a score of its own decides. */
const emitted = (name: string, emission: number[]): Step =>
  level(name, [
    [subnet('Emission'), emission],
    [subnet('PruningScores'), emission],
  ]);
const setting = (name: string, item: string, value: unknown): Step => level(name, [[subnet(item), value]]);

const PRICE = 1_000_000_000;
let recycled = 0;
const register = (
  name: string,
  who: string,
  uid: number,
  items: ItemSpec[],
  at424: Partial<Outcome> = {},
  ...ids: DifferenceId[]
): Step => {
  recycled += PRICE;
  const difference: Difference = differs(['registration-fee', 'subnet-holds-tao', ...ids], {
    fee: 1,
    events: [
      `Balances.Transfer(${who}, @subnet:${NETUID}, ${PRICE})`,
      `${PALLET}.RAORecycledForRegistrationSet(${NETUID}, ${recycled + 4 * PRICE})`,
      `${PALLET}.NeuronRegistered(${NETUID}, ${uid}, ${who}/new)`,
    ],
    ...at424,
  });
  return call(
    name,
    who,
    `${PALLET}.burned_register`,
    { netuid: NETUID, hotkey: `${who}/new` },
    { read: items, differs: difference },
  );
};

const AXON = {
  netuid: NETUID,
  version: 1,
  ip: 16_909_060,
  port: 80,
  ip_type: 4,
  protocol: 4,
  placeholder1: 0,
  placeholder2: 0,
};
const vectors = (value: number): Write[] => [
  ...['Consensus', 'Incentive', 'Dividends', 'ValidatorTrust', 'StakeWeight'].map(
    (item): Write => [subnet(item), [value, value + 1, value + 2, value + 3, value + 4]],
  ),
  [subnet('ValidatorPermit'), [true, true, true, true, true]],
  [subnet('Active'), [true, false, false, false, false]],
];

export const pruning = scenario('pruning', [
  freshSubnet({ MaxAllowedUids: 5, ImmunityPeriod: 5000 }),
  level('a price that does not move', [
    [subnet('BurnHalfLife'), 0],
    [subnet('BurnIncreaseMult'), { bits: `0x1${'0'.repeat(16)}` }],
    [subnet('MinNonImmuneUids'), 0],
  ]),
  fund(100_000_000_000, '@Dave', '@Eve', '@Ferdie', '@Gus', '@Hal'),
  neurons('@Bob', '@Charlie', '@Dave', '@Eve'),
  call('the fourth has an axon and a certificate', '@Eve/hot', `${PALLET}.serve_axon_tls`, {
    ...AXON,
    certificate: '0x0102',
  }),
  call('and a prometheus endpoint', '@Eve/hot', `${PALLET}.serve_prometheus`, {
    netuid: NETUID,
    version: 1,
    ip: 16_909_060,
    port: 81,
    ip_type: 4,
  }),
  call('and a commitment', '@Eve/hot', 'Commitments.set_commitment', {
    netuid: NETUID,
    info: { fields: [{ Raw1: '0x05' }] },
  }),
  level('everybody has weights, bonds and values', [
    ...vectors(10),
    [
      [`${PALLET}.Weights`, NETUID, 1],
      [
        [2, 100],
        [4, 200],
      ],
    ],
    [[`${PALLET}.Weights`, NETUID, 4], [[1, 300]]],
    [[`${PALLET}.Bonds`, NETUID, 1], [[4, 7]]],
    [[`${PALLET}.Bonds`, NETUID, 4], [[2, 9]]],
  ]),
  emitted('the fourth earned least', [1, 50, 40, 40, 30]),
  register(
    'among the immune the one with the least',
    '@Ferdie',
    4,
    [
      ...VECTORS.map(subnet),
      subnet('LastUpdate'),
      subnet('SubnetworkN'),
      ...tables(1, 4),
      ...rows('@Eve/hot'),
      ...rows('@Ferdie/new'),
    ],
    {
      storage: {
        [`${PALLET}.LastUpdate(2)`]:
          '0x1401000000000000000700000000000000080000000000000009000000000000000e00000000000000',
        [`${PALLET}.Prometheus(2, @Eve/hot)`]: null,
        [`${PALLET}.StakeWeight(2)`]: '0x140a000b000c000d000000',
        [`${PALLET}.ValidatorPermit(2)`]: '0x140101010100',
        [`${PALLET}.ValidatorTrust(2)`]: '0x140a000b000c000d000000',
        [`${PALLET}.Weights(2, 1)`]: '0x080200640004000000',
        [`${PALLET}.Weights(2, 4)`]: null,
      },
    },
    'cleared-by-replacement',
  ),
  read('the owner and the commitment of the hotkey stay', [
    ['Commitments.CommitmentOf', NETUID, '@Eve/hot'],

    [`${PALLET}.Owner`, '@Eve/hot'],
    [`${PALLET}.OwnedHotkeys`, '@Eve'],
  ]),
  setting('only the newest is immune', 'ImmunityPeriod', 6),
  register(
    'outside immunity the one that came first of two with as much',
    '@Gus',
    2,
    [...tables(2), ...rows('@Charlie/hot'), subnet('Emission')],
    {},
  ),

  emitted('the immune earned less', [1, 50, 45, 40, 10]),
  setting('two must stay outside immunity', 'MinNonImmuneUids', 2),
  register(
    'among the immune, as there are only two others',
    '@Hal',
    4,
    [subnet('Emission')],
    {
      storage: {
        [`${PALLET}.Emission(2)`]:
          '0x14010000000000000032000000000000002d0000000000000028000000000000000000000000000000',
      },
    },
    'least-outside-immunity',
  ),
  level('nobody is immune', [
    [subnet('ImmunityPeriod'), 0],
    [subnet('MinNonImmuneUids'), 0],
  ]),
  emitted('the first earned nothing', [1, 0, 45, 40, 40]),
  register('another hotkey of the owner', '@Alice', 1, [[`${PALLET}.Uids`, NETUID, '@Alice/new']]),
  emitted('the first earned nothing, again', [1, 0, 5, 40, 40]),
  setting('two hotkeys of the owner are spared', 'ImmuneOwnerUidsLimit', 2),
  register(
    "not the owner's second",
    '@Dave',
    2,
    [
      [`${PALLET}.Uids`, NETUID, '@Alice/new'],
      [`${PALLET}.Uids`, NETUID, '@Dave/new'],
    ],
    {
      storage: { [`${PALLET}.Uids(2, @Alice/new)`]: '0x0100', [`${PALLET}.Uids(2, @Dave/new)`]: '0x0200' },
    },
    'owner-hotkeys-spared',
  ),
  emitted('the first earned nothing, still', [1, 0, 5, 40, 40]),
  setting('one hotkey of the owner is spared', 'ImmuneOwnerUidsLimit', 1),
  register('the second is not', '@Eve', 1, [[`${PALLET}.Uids`, NETUID, '@Eve/new']]),
  level('only the owner is left', [
    [subnet('MaxAllowedUids'), 1],
    [subnet('SubnetworkN'), 1],
  ]),
  register(
    'nobody can be replaced',
    '@Bob',
    0,
    [
      [`${PALLET}.Keys`, NETUID, 0],
      [`${PALLET}.Uids`, NETUID, '@Bob/new'],
    ],
    {
      result: `${PALLET}.NoNeuronIdAvailable`,
      events: [],
    },
    'nobody-to-replace',
  ),
]);
