import { freshSubnet, NETUID } from '../levelling.ts';
import { call, differs, inner, level, type More, type Outcome, type Step, scenario, sudo } from '../scenario.ts';
import { here, target } from './hyperparameters.ts';

/** The tempo by sudo; what its owner may do to it is in epoch-control.ts. */

const LAST = `SubtensorModule.LastEpochBlock(${NETUID})`;
const rows: More = {
  read: [
    ['SubtensorModule.Tempo', NETUID],
    ['SubtensorModule.LastEpochBlock', NETUID],
  ],
};
const SET = target('tempo');
const block = (number: number): string => `0x0${number}${'00'.repeat(7)}`;
/** Spec 293 does not know the block of the last epoch; at 424 it is this one after. */
const set = (name: string, tempo: number, last: number, at424: Partial<Outcome> = {}): Step =>
  sudo(name, SET, here({ tempo }), {
    ...rows,
    differs: differs('tempo-starts-a-cycle', { storage: { [LAST]: block(last) }, ...at424 }),
  });

/** No epoch comes: tempos are long. */
export const tempos = scenario('tempos', [
  freshSubnet({ Tempo: 60_000 }),
  set('2: a tempo', 50_000, 2),
  set('3: the same again', 50_000, 3),
  call('by the owner', '@Alice', SET, here({ tempo: 40_000 })),
  call('by a stranger', '@Bob', SET, here({ tempo: 40_000 })),
  sudo('of no subnet', SET, { netuid: 77, tempo: 40_000 }),
  set('7: none', 0, 7),
  set('8: the longest', 65_535, 8),
  level('a window that is always closed', [[['SubtensorModule.AdminFreezeWindow'], 65_535]]),
  sudo('while frozen', SET, here({ tempo: 30_000 }), {
    differs: differs('admin-freeze', {
      result: 'SubtensorModule.AdminActionProhibitedDuringWeightsWindow',
      events: [],
    }),
  }),
  call('in a batch by a stranger', '@Bob', 'Utility.batch', { calls: [inner(SET, here({ tempo: 1 }))] }),
]);
