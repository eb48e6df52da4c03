import { freshSubnet, fund, NETUID } from '../levelling.ts';
import {
  blocks,
  call,
  differs,
  type ItemSpec,
  level,
  type More,
  type Outcome,
  type Step,
  scenario,
  submit,
} from '../scenario.ts';

const PALLET = 'SubtensorModule';
const PRICE: ItemSpec[] = [[`${PALLET}.Burn`, NETUID]];

/** RAO as the chain stores them. */
const stored = (rao: number): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(rao));
  return `0x${bytes.toString('hex')}`;
};
const price = (rao: number): Partial<Outcome> => ({ storage: { [`${PALLET}.Burn(${NETUID})`]: stored(rao) } });
/** The price at 424 after the step. */
const then = (rao: number, more: Partial<Outcome> = {}): More => ({
  read: PRICE,
  differs: differs('registration-price', { ...price(rao), ...more }),
});
const setting = (name: string, item: string, value: unknown): Step =>
  level(name, [[[`${PALLET}.${item}`, NETUID], value]]);

interface Registered {
  who: string;
  uid: number;
  /** RAO that it cost at 424, that all did so far, and what the next one costs. */
  paid: number;
  recycled: number;
  next: number;
}
const register = (name: string, { who, uid, paid, recycled, next }: Registered): Step =>
  call(
    name,
    who,
    `${PALLET}.burned_register`,
    { netuid: NETUID, hotkey: `${who}/hot` },
    {
      read: PRICE,
      differs: differs(['registration-price', 'registration-fee', 'subnet-holds-tao'], {
        ...price(next),
        fee: 1,
        events: [
          `Balances.Transfer(${who}, @subnet:${NETUID}, ${paid})`,
          `${PALLET}.RAORecycledForRegistrationSet(${NETUID}, ${recycled})`,
          `${PALLET}.NeuronRegistered(${NETUID}, ${uid}, ${who}/hot)`,
        ],
      }),
    },
  );

/**
 * At 424 the price halves in BurnHalfLife blocks (360) and grows by BurnIncreaseMult (1.26) with each registration; at 293 it
 * is set anew once in an interval. The numbers are those of the formulas in the source, worked out apart from our own code.
 */
export const registrationPrice = scenario('registration-price', [
  freshSubnet({ AdjustmentInterval: 12 }),
  fund(100_000_000_000, '@Dave', '@Eve', '@Ferdie', '@Gus'),
  blocks('one block', 1, then(990_419_145)),
  register('it rises', { who: '@Dave', uid: 1, paid: 988_514_017, recycled: 988_514_017, next: 1_245_527_661 }),
  submit('one of a block', '@Eve', `${PALLET}.burned_register`, { netuid: NETUID, hotkey: '@Eve/hot' }),
  submit('another of the block', '@Ferdie', `${PALLET}.burned_register`, { netuid: NETUID, hotkey: '@Ferdie/hot' }),
  blocks('it rises with each of a block', 1, then(1_973_596_073)),
  blocks('twelve blocks: an interval of 293', 12, then(1_928_519_072, { blockEvents: [] })),
  setting('ten blocks halve it', 'BurnHalfLife', 10),
  blocks('ten blocks', 10, then(964_259_534, { blockEvents: [] })),
  setting('nothing halves it', 'BurnHalfLife', 0),
  blocks('three blocks', 3, then(964_259_534)),
  setting('it doubles', 'BurnIncreaseMult', { bits: `0x2${'0'.repeat(16)}` }),
  register('twice the price', { who: '@Gus', uid: 4, paid: 964_259_534, recycled: 4_762_251_459, next: 1_928_519_068 }),
  setting('it would fall', 'BurnIncreaseMult', { bits: `0x8${'0'.repeat(15)}` }),
  register('it never falls', {
    who: '@Bob',
    uid: 5,
    paid: 1_928_519_068,
    recycled: 6_690_770_527,
    next: 1_928_519_068,
  }),
  setting('no less than', 'MinBurn', 5_000_000_000),
  blocks('raised to the least', 1, then(5_000_000_000, { blockEvents: [] })),
  level('no more than', [
    [[`${PALLET}.MinBurn`, NETUID], 500_000],
    [[`${PALLET}.MaxBurn`, NETUID], 700_000_000],
  ]),
  blocks('cut to the most', 1, then(700_000_000)),
  setting('every block halves it', 'BurnHalfLife', 1),
  blocks('down to the least', 20, then(500_000, { blockEvents: [] })),
]);

const limited = (name: string, by: string, args: object, at424: Partial<Outcome>, items: ItemSpec[] = []): Step =>
  call(
    name,
    by,
    `${PALLET}.register_limit`,
    { netuid: NETUID, hotkey: `${by}/hot`, limit_price: 0, ...args },
    {
      read: items,
      differs: differs('register-limit', { fee: 1, events: [], ...at424 }),
    },
  );
const work = (name: string, by: string, args: object, at424: Partial<Outcome>): Step =>
  call(
    name,
    by,
    `${PALLET}.register`,
    {
      netuid: NETUID,
      block_number: 1,
      nonce: 0,
      work: `0x${'00'.repeat(32)}`,
      hotkey: `${by}/hot`,
      coldkey: by,
      ...args,
    },
    { differs: differs(['proof-of-work', 'registration-fee'], { fee: 1, ...at424 }) },
  );
const registered = (who: string, uid: number, recycled: number): string[] => [
  `Balances.Transfer(${who}, @subnet:${NETUID}, 1000000000)`,
  `${PALLET}.RAORecycledForRegistrationSet(${NETUID}, ${recycled})`,
  `${PALLET}.NeuronRegistered(${NETUID}, ${uid}, ${who}/hot)`,
];

/** The two other calls that register: with a limit to the price, and with the proof of work that nobody checks any more. */
export const registerCalls = scenario('register-calls', [
  freshSubnet(),
  setting('nothing halves the price', 'BurnHalfLife', 0),
  setting('nothing raises the price', 'BurnIncreaseMult', { bits: `0x1${'0'.repeat(16)}` }),
  limited('root comes first', '@Bob', { netuid: 0 }, { result: `${PALLET}.RegistrationNotPermittedOnRootSubnet` }),
  limited('then whether there is such a subnet', '@Bob', { netuid: 77 }, { result: `${PALLET}.SubnetNotExists` }),
  setting('registration is switched off', 'NetworkRegistrationAllowed', false),
  limited(
    'then the price',
    '@Bob',
    { limit_price: 999_999_999 },
    { result: `${PALLET}.RegistrationPriceLimitExceeded` },
  ),
  limited('then the rest', '@Bob', { limit_price: 1_000_000_000 }, { result: `${PALLET}.SubNetRegistrationDisabled` }),
  setting('registration is switched on', 'NetworkRegistrationAllowed', true),
  limited(
    'at the very price',
    '@Bob',
    { limit_price: 1_000_000_000 },
    {
      result: 'ok',
      events: registered('@Bob', 1, 1_000_000_000),
      storage: { [`${PALLET}.Uids(${NETUID}, @Bob/hot)`]: '0x0100' },
    },
    [[`${PALLET}.Uids`, NETUID, '@Bob/hot']],
  ),
  limited('twice', '@Bob', { limit_price: 2_000_000_000 }, { result: `${PALLET}.HotKeyAlreadyRegisteredInSubNet` }),
  work('work, by the coldkey', '@Charlie', {}, { result: 'ok', events: registered('@Charlie', 2, 2_000_000_000) }),
  work('work for one that is registered', '@Charlie', {}, { result: `${PALLET}.HotKeyAlreadyRegisteredInSubNet` }),
]);
