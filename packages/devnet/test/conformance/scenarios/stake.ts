import { freshSubnet, fund, NETUID, neurons } from '../levelling.ts';
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
  type Step,
  scenario,
} from '../scenario.ts';

/**
 * add_stake and remove_stake on a subnet without a pool (mechanism 0), where one alpha is one TAO at every spec. Within a batch
 * each spec tells the error of the call itself, as no pool of transactions has looked.
 */

const HOT = '@Bob/hot';
const SUBNET = '@subnet:2';
const item = (name: string, ...keys: unknown[]): ItemSpec => [`SubtensorModule.${name}`, ...keys];
const STAKES: ItemSpec[] = [
  item('TotalHotkeyAlpha', HOT, NETUID),
  item('TotalHotkeyShares', HOT, NETUID),
  item('Alpha', HOT, '@Bob', NETUID),
  item('Alpha', HOT, '@Charlie', NETUID),
  item('StakingHotkeys', '@Bob'),
  item('StakingHotkeys', '@Charlie'),
];

const add = (hotkey: string, amount_staked: number, netuid = NETUID) =>
  inner('SubtensorModule.add_stake', { hotkey, netuid, amount_staked });
const remove = (hotkey: string, amount_unstaked: number, netuid = NETUID) =>
  inner('SubtensorModule.remove_stake', { hotkey, netuid, amount_unstaked });

const within = (name: string, by: string, stake: { call: string; args: Args }, more: More = {}): Step =>
  call(name, by, 'Utility.batch', { calls: [stake] }, more);
const told = (event: string, who: string, rao: number): string =>
  `SubtensorModule.${event}(${[who, HOT, rao, rao, NETUID, 0].join(', ')})`;
const staked = (who: string, rao: number): Difference =>
  differs(['staking-fee', 'stake-is-a-transfer'], {
    fee: 1,
    events: [`Balances.Transfer(${who}, ${SUBNET}, ${rao})`, told('StakeAdded', who, rao)],
  });
const unstaked = (who: string, rao: number): Difference =>
  differs(['staking-fee', 'stake-is-a-transfer'], {
    fee: 1,
    events: [`Balances.Transfer(${SUBNET}, ${who}, ${rao})`, told('StakeRemoved', who, rao)],
  });
const interrupted = (error: string): Partial<Outcome> => ({
  events: [`Utility.BatchInterrupted(0, {"error":"SubtensorModule.${error}"})`],
});
const direct = (name: string, by: string, stake: { call: string; args: Args }, difference: Difference): Step =>
  call(name, by, stake, {}, { read: STAKES, differs: difference });

export const stake = scenario('stake', [
  freshSubnet({ SubnetMechanism: 0, SubtokenEnabled: false }),
  fund(10_000_000_000, '@Gus'),
  neurons('@Bob', '@Charlie'),
  within('no subnet comes first', '@Bob', add('@Nobody/hot', 1, 77), {
    differs: differs('subnet-before-subtoken', interrupted('SubnetNotExists')),
  }),
  within('stake that cannot be bought yet comes before too little', '@Bob', add('@Nobody/hot', 1)),
  level('it can', [[['SubtensorModule.SubtokenEnabled', NETUID], true]]),
  within('too little comes before no hotkey', '@Bob', add('@Nobody/hot', 1_999_999)),
  within('more than there is comes before no hotkey', '@Gus', add('@Nobody/hot', 20_000_000_000)),
  within('no hotkey', '@Gus', add('@Nobody/hot', 2_100_000)),
  direct('stake on one’s own hotkey', '@Bob', add(HOT, 1_000_000_000), staked('@Bob', 1_000_000_000)),
  direct('more of it', '@Bob', add(HOT, 500_000_000), staked('@Bob', 500_000_000)),
  direct('stake on another’s', '@Charlie', add(HOT, 3_000_000_000), staked('@Charlie', 3_000_000_000)),
  within('nothing to take out comes before no hotkey', '@Gus', remove('@Nobody/hot', 5_000_000), {
    differs: differs('unstake-what-there-is', interrupted('AmountTooLow')),
  }),
  within('no subnet', '@Bob', remove(HOT, 5_000_000, 77)),
  within('too little while more remains', '@Bob', remove(HOT, 100)),
  direct('some', '@Bob', remove(HOT, 400_000_000), unstaked('@Bob', 400_000_000)),
  direct('another’s', '@Charlie', remove(HOT, 1_000_000_000), unstaked('@Charlie', 1_000_000_000)),
  direct('all', '@Bob', remove(HOT, 1_100_000_000), unstaked('@Bob', 1_100_000_000)),
  direct('all of the other’s', '@Charlie', remove(HOT, 2_000_000_000), unstaked('@Charlie', 2_000_000_000)),
  within('more than there is', '@Bob', remove(HOT, 5_000_000), {
    differs: differs('unstake-what-there-is', interrupted('AmountTooLow')),
  }),
]);

/** Only at 293 does the pool look at stakes. */
const inThePool = (name: string, by: string, what: { call: string; args: Args }, at424: Partial<Outcome>): Step =>
  call(
    name,
    by,
    what,
    {},
    { differs: differs(['staking-in-the-pool', 'staking-fee'], { events: [], fee: 1, ...at424 }) },
  );
const refused = (error: string): Partial<Outcome> => ({ result: `SubtensorModule.${error}` });
const drained = differs(['staking-in-the-pool', 'staking-fee', 'unstake-what-there-is', 'stake-is-a-transfer'], {
  result: 'ok',
  fee: 1,
  events: [`Balances.Transfer(${SUBNET}, @Bob, 1000000000)`, told('StakeRemoved', '@Bob', 1_000_000_000)],
  storage: {
    'SubtensorModule.TotalHotkeyAlpha(@Bob/hot, 2)': null,
    'SubtensorModule.TotalHotkeyShares(@Bob/hot, 2)': null,
    'SubtensorModule.Alpha(@Bob/hot, @Bob, 2)': null,
  },
});

export const stakeRefused = scenario('stake-refused', [
  freshSubnet({ SubnetMechanism: 0, SubtokenEnabled: false }),
  fund(10_000_000_000, '@Gus'),
  neurons('@Bob', '@Charlie'),
  inThePool('no subnet', '@Bob', add('@Nobody/hot', 1, 77), refused('SubnetNotExists')),
  inThePool('stake that cannot be bought yet', '@Bob', add('@Nobody/hot', 1), refused('SubtokenDisabled')),
  level('it can', [[['SubtensorModule.SubtokenEnabled', NETUID], true]]),
  inThePool('too little', '@Bob', add('@Nobody/hot', 1_999_999), refused('AmountTooLow')),
  inThePool('more than there is', '@Gus', add('@Nobody/hot', 20_000_000_000), refused('NotEnoughBalanceToStake')),
  inThePool('no hotkey', '@Gus', add('@Nobody/hot', 2_100_000), refused('HotKeyAccountNotExists')),
  direct('some stake', '@Bob', add(HOT, 1_000_000_000), staked('@Bob', 1_000_000_000)),
  inThePool('nothing to take out', '@Gus', remove(HOT, 5_000_000), refused('AmountTooLow')),
  inThePool('nothing, of no hotkey', '@Gus', remove('@Nobody/hot', 5_000_000), refused('AmountTooLow')),
  inThePool('of no subnet', '@Bob', remove(HOT, 5_000_000, 77), refused('SubtokenDisabled')),
  inThePool('too little to take out', '@Bob', remove(HOT, 100), refused('AmountTooLow')),
  direct('more than there is of it', '@Bob', remove(HOT, 1_000_000_001), drained),
]);
