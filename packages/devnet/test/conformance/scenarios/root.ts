import { blocks, call, differs, type ItemSpec, level, type More, type Step, scenario, submit } from '../scenario.ts';

const PALLET = 'SubtensorModule';
const root = (...names: string[]): ItemSpec[] => names.map((name) => [`${PALLET}.${name}`, 0]);
const rows = (hotkey: string): ItemSpec[] => [
  [`${PALLET}.Uids`, 0, hotkey],
  [`${PALLET}.IsNetworkMember`, hotkey, 0],
  [`${PALLET}.Owner`, hotkey],
  [`${PALLET}.Delegates`, hotkey],
];
const COUNTERS = ['RegistrationsThisBlock', 'RegistrationsThisInterval'];
const register = (name: string, by: string, hotkey: string, more: More = {}): Step =>
  call(name, by, `${PALLET}.root_register`, { hotkey }, more);
/** At 424 nobody becomes a senator, and registering pays a fee. */
const entered = (uid: number, hotkey: string): More => ({
  differs: differs(['registration-fee', 'senate'], {
    fee: 1,
    events: [`${PALLET}.NeuronRegistered(0, ${uid}, ${hotkey})`],
  }),
});
const paid: More = { differs: differs('registration-fee', { fee: 1 }) };
const noneYet = (name: string): Step => level(name, [[[`${PALLET}.RegistrationsThisInterval`, 0], 0]]);
const stake = (name: string, hotkey: string, rao: number): Step =>
  level(name, [[[`${PALLET}.TotalHotkeyAlpha`, hotkey, 0], rao]]);

export const rootRegistration = scenario('root-registration', [
  level('a long interval', [[[`${PALLET}.AdjustmentInterval`, 0], 10_000]]),
  register('the first', '@Bob', '@Bob/hot', {
    ...entered(0, '@Bob/hot'),
    read: [...rows('@Bob/hot'), ...root('SubnetworkN', 'LastUpdate', ...COUNTERS)],
  }),
  register('twice', '@Bob', '@Bob/hot', paid),
  submit('one of a block', '@Bob', `${PALLET}.root_register`, { hotkey: '@Bob/second' }),
  submit('another of the block', '@Charlie', `${PALLET}.root_register`, { hotkey: '@Charlie/hot' }),
  blocks('one in a block', 1, { read: root(...COUNTERS) }),
  register('the third', '@Charlie', '@Charlie/hot', entered(2, '@Charlie/hot')),
  register('the fourth of an interval', '@Charlie', '@Charlie/second', { ...paid, read: root(...COUNTERS) }),
  register('the interval comes before twice', '@Bob', '@Bob/hot', paid),
  noneYet('a new interval'),
  call(
    'a hotkey of Alice',
    '@Alice',
    `${PALLET}.try_associate_hotkey`,
    { hotkey: '@Alice/hot' },
    { read: rows('@Alice/hot') },
  ),
  register("Alice's hotkey by Charlie", '@Charlie', '@Alice/hot', {
    ...entered(3, '@Alice/hot'),
    read: rows('@Alice/hot'),
  }),
  level('root is full', [[[`${PALLET}.MaxAllowedUids`, 0], 4]]),
  register('nobody has stake', '@Alice', '@Alice/second', { ...paid, read: rows('@Alice/second') }),
  level('all but two have stake', [
    [[`${PALLET}.TotalHotkeyAlpha`, '@Bob/hot', 0], 500],
    [[`${PALLET}.TotalHotkeyAlpha`, '@Alice/hot', 0], 400],
  ]),
  stake('the newcomer has some on another subnet', '@Alice/second', 0),
  level('where it does not count', [[[`${PALLET}.TotalHotkeyAlpha`, '@Alice/second', 1], 1_000_000]]),
  register('no stake on root', '@Alice', '@Alice/second', paid),
  stake('the newcomer has some', '@Alice/second', 1),
  register('the one with the least makes room', '@Alice', '@Alice/second', {
    ...entered(1, '@Alice/second'),
    read: [
      ...rows('@Alice/second'),
      ...rows('@Bob/second'),
      [`${PALLET}.Keys`, 0, 1],
      ...root('SubnetworkN', ...COUNTERS),
    ],
  }),
  register('the subnet account of root', '@Alice', '@subnet:0', {
    differs: differs(['registration-fee', 'system-accounts'], { fee: 1, result: `${PALLET}.CannotUseSystemAccount` }),
  }),
]);
