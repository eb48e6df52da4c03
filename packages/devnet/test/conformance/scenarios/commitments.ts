import { freshSubnet, NETUID, neurons } from '../levelling.ts';
import { blocks, call, differs, inner, level, type More, read, scenario, sudo } from '../scenario.ts';

const ITEMS = ['CommitmentOf', 'LastCommitment', 'UsedSpaceOf', 'LastBondsReset'];
const rows = (who: string): More => ({ read: ITEMS.map((item) => [`Commitments.${item}`, NETUID, who] as const) });
const commit = (name: string, by: string, fields: unknown[], more: More = {}) =>
  call(name, by, 'Commitments.set_commitment', { netuid: NETUID, info: { fields } }, { ...rows(by), ...more });
const raw = (length: number, byte = 'ab') => ({ [`Raw${length}`]: length === 0 ? null : `0x${byte.repeat(length)}` });
const hash = `0x${'5a'.repeat(32)}`;

export const commitments = scenario('commitments', [
  freshSubnet(),
  neurons('@Bob', '@Charlie', '@Alice'),
  commit('by nobody', '@Nobody', [raw(3)]),
  commit('by a coldkey', '@Bob', [raw(3)]),
  commit('nobody with too many fields', '@Nobody', [raw(1), raw(1), raw(1), raw(1)]),
  commit('no field', '@Bob/hot', []),
  commit('Raw0', '@Bob/hot', [raw(0)]),
  commit('Raw1', '@Bob/hot', [raw(1)]),
  commit('Raw31', '@Bob/hot', [raw(31)]),
  commit('Raw64', '@Bob/hot', [raw(64)]),
  commit('Raw128', '@Bob/hot', [raw(128)]),
  commit('BigRaw, empty', '@Bob/hot', [{ BigRaw: '0x' }]),
  commit('BigRaw', '@Bob/hot', [{ BigRaw: `0x${'cd'.repeat(129)}` }]),
  commit('BigRaw, 512 bytes', '@Bob/hot', [{ BigRaw: `0x${'ef'.repeat(512)}` }]),
  commit('None', '@Bob/hot', [{ None: null }]),
  commit('each hash', '@Bob/hot', [{ BlakeTwo256: hash }, { Sha256: hash }, { Keccak256: hash }]),
  commit('ShaThree256', '@Bob/hot', [{ ShaThree256: hash }]),
  commit('three fields', '@Charlie/hot', [raw(31), raw(4, '01'), { BigRaw: `0x${'77'.repeat(300)}` }]),
  commit('four fields', '@Charlie/hot', [raw(1), raw(1), raw(1), raw(1)]),
  commit('overwritten by less', '@Charlie/hot', [raw(2)]),
  commit('a bonds reset', '@Charlie/hot', [{ ResetBondsFlag: null }, raw(5)]),
  commit('another hotkey has its own slot', '@Alice/hot', [raw(7)]),
  call(
    'in a batch',
    '@Alice/hot',
    'Utility.batch',
    {
      calls: [
        inner('Commitments.set_commitment', { netuid: NETUID, info: { fields: [raw(8)] } }),
        inner('Commitments.set_commitment', { netuid: 1, info: { fields: [raw(9)] } }),
      ],
    },
    {
      ...rows('@Alice/hot'),
      differs: differs('free-batches', {
        result: 'ok',
        fee: 0,
        events: [
          'Commitments.Commitment(2, @Alice/hot)',
          'Utility.ItemCompleted',
          'Utility.BatchInterrupted(1, {"error":"Commitments.AccountNotAllowedCommit"})',
        ],
        storage: {
          'Commitments.CommitmentOf(2, @Alice/hot)': `0x${'00'.repeat(8)}190000000409${'ab'.repeat(8)}`,
          'Commitments.LastCommitment(2, @Alice/hot)': '0x19000000',
          'Commitments.UsedSpaceOf(2, @Alice/hot)': '0x0000000000000000c800000000000000',
        },
      }),
    },
  ),
  level('bonds may be reset, and everybody holds some', [
    [['SubtensorModule.BondsResetOn', NETUID], true],
    [
      ['SubtensorModule.Bonds', NETUID, 0],
      [
        [1, 10],
        [2, 20],
        [3, 30],
      ],
    ],
    [['SubtensorModule.Bonds', NETUID, 3], [[2, 40]]],
  ]),
  commit('a bonds reset where it is allowed', '@Charlie/hot', [{ ResetBondsFlag: null }], {
    read: [
      ['Commitments.LastBondsReset', NETUID, '@Charlie/hot'],
      ['Commitments.CommitmentOf', NETUID, '@Charlie/hot'],
      ['SubtensorModule.Bonds', NETUID, 0],
      ['SubtensorModule.Bonds', NETUID, 3],
    ],
  }),
  commit('two flags', '@Charlie/hot', [raw(1), { ResetBondsFlag: null }, { ResetBondsFlag: null }]),
  call('to a subnet that does not exist', '@Bob/hot', 'Commitments.set_commitment', {
    netuid: 77,
    info: { fields: [raw(1)] },
  }),
  read("the others' slots are as they were", [
    ['Commitments.CommitmentOf', NETUID, '@Bob/hot'],
    ['Commitments.CommitmentOf', NETUID, '@Charlie/hot'],
  ]),
]);

export const commitmentSpace = scenario('commitment-space', [
  freshSubnet(),
  neurons('@Bob'),
  sudo('less space', 'Commitments.set_max_space', { new_limit: 400 }),
  call(
    'not without sudo',
    '@Bob',
    'Commitments.set_max_space',
    { new_limit: 9000 },
    { differs: differs('max-space-fee', { fee: 1 }) },
  ),
  read('the limit', [['Commitments.MaxSpace']]),
  commit('small ones count 100', '@Bob/hot', [raw(1)]),
  commit('large ones count what they are', '@Bob/hot', [{ BigRaw: `0x${'01'.repeat(199)}` }]),
  commit('one byte too many', '@Bob/hot', [raw(102)]),
  commit('to the last byte', '@Bob/hot', [raw(101)]),
  commit('nothing more', '@Bob/hot', []),
  commit('more fields than are allowed come first', '@Bob/hot', [raw(1), raw(1), raw(1), raw(1)]),
  level('epochs of five blocks', [[['SubtensorModule.Tempo', NETUID], 5]]),
  blocks('until the next epoch', 4, {
    differs: differs('miner-emission-event', {
      blockEvents: ['SubtensorModule.IncentiveAlphaEmittedToMiners(2, [0,0])'],
    }),
  }),
  commit('the next epoch has space again', '@Bob/hot', [raw(100)], {
    read: [['Commitments.CommitmentOf', NETUID, '@Bob/hot']],
  }),
]);
