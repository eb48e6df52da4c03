import { alignEpochs, incentives } from '../epoch-clock.ts';
import { freshSubnet, fund, NETUID, neurons } from '../levelling.ts';
import {
  blocks,
  call,
  differs,
  type ItemSpec,
  level,
  type More,
  type Step,
  scenario,
  type Write,
} from '../scenario.ts';

/** When epochs are, what they do to permits and activity, and what they pay out. The maths of weights has tests of its own. */

const put = (name: string, items: Readonly<Record<string, unknown>>, netuid = NETUID): Step =>
  level(
    name,
    Object.entries(items).map(([item, value]) => [[`SubtensorModule.${item}`, netuid], value]),
  );
const of = (netuid: number, ...items: string[]): ItemSpec[] =>
  items.map((item) => [`SubtensorModule.${item}`, netuid] as const);

const CLOCK = ['LastMechansimStepBlock', 'BlocksSinceLastStep'];
const clock = (netuid = NETUID): More => ({ read: of(netuid, ...CLOCK) });

/** The block before, that of the epoch, and the one after, from wherever the chain stands. */
const around = (what: string, wait: number, emissions: string, netuid = NETUID): Step[] => [
  blocks(`${what}: before`, wait, clock(netuid)),
  blocks(`${what}: the epoch`, 1, { ...clock(netuid), differs: incentives(emissions, netuid) }),
  put(`${what}: no other`, { Tempo: 65_535, LastEpochBlock: 0 }, netuid),
  blocks(`${what}: after`, 1, clock(netuid)),
];

export const epochSchedule = scenario('epoch-schedule', [
  freshSubnet(),
  put('nor at netuid 1', { Tempo: 65_535 }, 1),
  blocks('to block 20', 19, clock()),
  // Spec 293: (block + 3) % (tempo + 1) == tempo, so in block 22, 26, 36, 54.
  alignEpochs('tempo 1', 1),
  ...around('tempo 1 in block 22', 1, '0'),
  alignEpochs('tempo 4', 4),
  ...around('tempo 4 in block 26', 2, '0'),
  alignEpochs('tempo 9', 9),
  ...around('tempo 9 in block 36', 8, '0'),
  alignEpochs('tempo 18', 18),
  ...around('tempo 18 in block 53', 15, '0'),
  // (block + 2) % 10 == 9.
  alignEpochs('tempo 9 at netuid 1', 9, 1),
  ...around('tempo 9 at netuid 1 in block 57', 2, '0', 1),
  put('tempo 0', { Tempo: 0, LastEpochBlock: 0 }),
  blocks('which is never', 30, clock()),
]);

const HOTKEYS = ['@Bob/hot', '@Charlie/hot', '@Dave/hot', '@Eve/hot'];
const stake = (name: string, ...alpha: number[]): Step =>
  level(
    name,
    alpha.map((rao, i): Write => [['SubtensorModule.TotalHotkeyAlpha', HOTKEYS[i]!, NETUID], rao]),
  );
const VALIDATORS = of(NETUID, 'ValidatorPermit', 'StakeWeight', 'Active');
const validators = (permits: string): More => ({
  read: VALIDATORS,
  differs: differs('owner-permit', {
    blockEvents: [`SubtensorModule.IncentiveAlphaEmittedToMiners(${NETUID}, [0,0,0,0,0])`],
    storage: { [`SubtensorModule.ValidatorPermit(${NETUID})`]: permits },
  }),
});

export const epochPermits = scenario('epoch-permits', [
  freshSubnet({ MaxAllowedValidators: 2 }),
  fund(10_000_000_000, '@Dave', '@Eve'),
  neurons('@Bob', '@Charlie', '@Dave', '@Eve'),
  level('the weight of root', [[['SubtensorModule.TaoWeight'], 3_320_413_933_267_719_290n]]),
  blocks('to block 12', 5),
  stake('some stake', 1_000_000_000, 3_000_000_000, 2_000_000_000, 0),
  alignEpochs('the next epoch is in block 16'),
  blocks('to block 15', 3),
  blocks('16: the two with the most', 1, validators('0x140100010100')),
  alignEpochs('the next epoch is in block 26'),
  blocks('to block 25', 9),
  stake('as much each', 5, 5, 5, 5),
  blocks('26: whom of equals?', 1, validators('0x140100000101')),
  alignEpochs('the next epoch is in block 36'),
  blocks('to block 35', 9),
  stake('one of the two has none', 0, 7, 0, 0),
  put('room for three', { MaxAllowedValidators: 3 }),
  blocks('36: nobody without stake', 1, validators('0x140100010000')),
  alignEpochs('the next epoch is in block 46'),
  blocks('to block 45', 9),
  stake('all have', 4_000_000_000, 3_000_000_000, 2_000_000_000, 1_000_000_000),
  level('but too little', [[['SubtensorModule.StakeThreshold'], 3_000_000_000]]),
  blocks('46: the threshold', 1, validators('0x140101010000')),
  alignEpochs('the next epoch is in block 56'),
  blocks('to block 55', 9),
  level('stake at root', [
    [['SubtensorModule.StakeThreshold'], 0],
    [['SubtensorModule.TotalHotkeyAlpha', '@Eve/hot', 0], 100_000_000_000],
  ]),
  put('who set weights long ago is not active', { LastUpdate: [56, 51, 50, 0, 1000] }),
  put('a cutoff of 5 blocks', { ActivityCutoff: 5, ActivityCutoffFactorMilli: 556 }),
  blocks('56: activity, and root counts', 1, validators('0x140101010001')),
]);

/** Shares of stake are fixed-point numbers: so much alpha, as many shares. */
const sharesOf = (rao: number): { raw: string } => {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(BigInt(rao), 8);
  return { raw: `0x${bytes.toString('hex')}` };
};
const staked = (hotkey: string, ...by: [coldkey: string, rao: number][]): Write[] => {
  const total = by.reduce((sum, [, rao]) => sum + rao, 0);
  return [
    [['SubtensorModule.TotalHotkeyAlpha', hotkey, NETUID], total],
    [['SubtensorModule.TotalHotkeyShares', hotkey, NETUID], sharesOf(total)],
    ...by.map(([coldkey, rao]): Write => [['SubtensorModule.Alpha', hotkey, coldkey, NETUID], sharesOf(rao)]),
  ];
};
/** Spec 293 keeps one pot, 424 one for miners and one for validators. */
const pot = (name: string, rao: number, ownerCut: number): Step =>
  put(name, {
    PendingEmission: rao,
    PendingServerEmission: rao / 2,
    PendingValidatorEmission: rao / 2,
    PendingOwnerCut: ownerCut,
  });
const EARNERS = ['@Alice/hot', ...HOTKEYS];
const EARNINGS: ItemSpec[] = [
  ...of(NETUID, 'Emission', 'Incentive', 'Dividends', 'PendingOwnerCut'),
  ...EARNERS.map((hotkey): ItemSpec => ['SubtensorModule.TotalHotkeyAlpha', hotkey, NETUID]),
  ['SubtensorModule.Alpha', '@Alice/hot', '@Alice', NETUID],
  ['SubtensorModule.Alpha', '@Dave/hot', '@Dave', NETUID],
];
const earnings = (emissions: string): More => ({ read: EARNINGS, differs: incentives(emissions) });
const weights = (uid: number, row: [number, number][]): Write => [['SubtensorModule.Weights', NETUID, uid], row];

export const epochEmission = scenario('epoch-emission', [
  freshSubnet(),
  fund(10_000_000_000, '@Dave', '@Eve'),
  neurons('@Bob', '@Charlie', '@Dave', '@Eve'),
  level('two validators, one of whom another has staked to', [
    ...staked('@Bob/hot', ['@Bob', 3_000_000_000], ['@Ferdie', 6_000_000_000]),
    ...staked('@Charlie/hot', ['@Charlie', 1_234_567_891]),
    [
      ['SubtensorModule.ValidatorPermit', NETUID],
      [false, true, true, false, false],
    ],
    [
      ['SubtensorModule.LastUpdate', NETUID],
      [10, 10, 10, 10, 10],
    ],
    [['SubtensorModule.SubnetAlphaOut', NETUID], 1_000_000_000_000],
    // A new subnet has Yuma 3 at 424 only.
    [['SubtensorModule.Yuma3On', NETUID], true],
    [['SubtensorModule.LiquidAlphaOn', NETUID], false],
    [['SubtensorModule.BondsPenalty', NETUID], 65_535],
    [['SubtensorModule.BondsMovingAverage', NETUID], 900_000],
    [['SubtensorModule.TaoWeight'], 3_320_413_933_267_719_290n],
  ]),
  blocks('to block 15', 8),
  alignEpochs('the next epoch is in block 16'),
  pot('something to give', 1_000_000_001_000, 77_777),
  blocks('16: without weights, all to validators', 1, earnings('0,0,0,0,0')),
  alignEpochs('the next epoch is in block 26'),
  level('weights', [
    weights(1, [
      [3, 65_535],
      [4, 21_845],
    ]),
    weights(2, [
      [3, 40_000],
      [4, 65_535],
    ]),
  ]),
  blocks('to block 25', 9),
  pot('something else to give', 987_654_321_098, 11_111),
  blocks('26: half to miners', 1, earnings('0,0,0,364586845724,129240314594')),
  alignEpochs('the next epoch is in block 36'),
  level('weights for the owner, too', [
    weights(1, [
      [0, 65_535],
      [3, 65_535],
    ]),
    weights(2, [
      [0, 65_535],
      [4, 1],
    ]),
  ]),
  blocks('to block 35', 9),
  pot('again something', 500_000_000_000, 0),
  blocks('36: what the owner’s hotkey would earn is gone', 1, earnings('132020606310,0,0,117979393573,0')),
  alignEpochs('the next epoch is in block 46'),
  level('stake at root', [[['SubtensorModule.TotalHotkeyAlpha', '@Charlie/hot', 0], 5_000_000_000]]),
  blocks('to block 45', 9),
  pot('a last time', 700_000_000_000, 0),
  blocks('46: root’s part of dividends', 1, earnings('184305339865,0,0,165694659971,0')),
]);

const ACCRUAL = of(NETUID, 'PendingOwnerCut', 'SubnetAlphaOut', 'FirstEmissionBlockNumber', 'SubtokenEnabled');
export const emissionAccrual = scenario('emission-accrual', [
  freshSubnet(),
  put('some alpha', { SubnetAlphaOut: 1_000_000_000 }),
  blocks('nothing accrues', 10, { read: ACCRUAL }),
  call('by a stranger', '@Bob', 'SubtensorModule.start_call', { netuid: NETUID }),
  call(
    'for no subnet',
    '@Alice',
    'SubtensorModule.start_call',
    { netuid: 77 },
    {
      differs: differs('missing-mechanism', { result: 'SubtensorModule.SubnetNotExists' }),
    },
  ),
  call('it is started', '@Alice', 'SubtensorModule.start_call', { netuid: NETUID }, { read: ACCRUAL }),
  blocks('the first block', 1, { read: ACCRUAL }),
  blocks('the second', 1, { read: ACCRUAL }),
  call('again', '@Alice', 'SubtensorModule.start_call', { netuid: NETUID }),
  put('nobody can register', { NetworkRegistrationAllowed: false, NetworkPowRegistrationAllowed: false }),
  blocks('which stops it at 424', 1, {
    read: ACCRUAL,
    differs: differs('emission-without-registration', {
      storage: {
        'SubtensorModule.PendingOwnerCut(2)': '0x5a892f2000000000',
        'SubtensorModule.SubnetAlphaOut(2)': '0x00286bee00000000',
      },
    }),
  }),
]);
