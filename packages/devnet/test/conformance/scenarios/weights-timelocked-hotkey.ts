import { encodeAddress } from '@polkadot/util-crypto';
import { encodeWeightsPayload } from '@tuning/chain';
import { alignEpochs, incentives } from '../epoch-clock.ts';
import { freshSubnet, fund, NETUID, neurons } from '../levelling.ts';
import { blocks, differs, level, type More, type Step, scenario } from '../scenario.ts';
import { commitSealed as commit, pulse, ROUND, revealed, seal } from '../timelocked-commit.ts';

/** Timelocked weights that name who commits to them, so that nobody else's ciphertext can be committed to again. */

const BOB = '@Bob/hot';
const CHARLIE = '@Charlie/hot';
/** //Bob/hot. */
const BOBS_KEY = encodeAddress('0xcc3ded26910b36d884057f54c8cee289b3258e176d2c0499fabb3b61ce7a573d', 42);

const payload = (uids: number[], values: number[]): Uint8Array =>
  encodeWeightsPayload({ hotkey: BOBS_KEY, uids, values, versionKey: 0n });
const BOBS = seal(payload([2, 3], [300, 100]));
/** A list of fewer bytes than an account has is none: what follows is of the older form. */
const SHORT_LIST = Uint8Array.from([4, 3, 0, 4, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

const stored: More = {
  read: [
    ['SubtensorModule.Weights', NETUID, 1],
    ['SubtensorModule.Weights', NETUID, 2],
    ['SubtensorModule.Weights', NETUID, 3],
  ],
};
const weightsOf = (name: string, ...permits: boolean[]): Step =>
  level(name, [[['SubtensorModule.ValidatorPermit', NETUID], permits]]);

/** Heights are those of the block that a step makes; epochs are in 26 and 36. */
export const weightsTimelockedHotkey = scenario('weights-timelocked-hotkey', [
  freshSubnet({ CommitRevealWeightsEnabled: true }),
  fund(10_000_000_000, '@Dave'),
  neurons('@Bob', '@Charlie', '@Dave'),
  level('stake of two validators', [
    [['SubtensorModule.TotalHotkeyAlpha', BOB, NETUID], 3_000_000_000],
    [['SubtensorModule.TotalHotkeyAlpha', CHARLIE, NETUID], 1_000_000_000],
  ]),
  weightsOf('who may set weights', false, true, true, false),
  blocks('to block 17', 12),
  alignEpochs('the next epoch is in block 26'),
  commit('18: by whom it names', BOBS),
  commit('19: the same, by another', BOBS, { by: CHARLIE }),
  pulse('the pulse of the round', ROUND),
  blocks('to block 25', 6),
  blocks('26: only of whom it names, and only at 424', 1, {
    ...stored,
    differs: differs(['incentive-event', 'payload-names-hotkey'], {
      blockEvents: [...revealed([1, BOB]).at424.blockEvents!],
      storage: { 'SubtensorModule.Weights(2, 1)': '0x080200ffff03005555' },
    }),
  }),
  alignEpochs('the next epoch is in block 36'),
  commit('27: with bytes behind', seal(Buffer.concat([payload([3], [9]), Buffer.from('more')]))),
  commit('28: of the older form', seal(SHORT_LIST), { by: CHARLIE }),
  commit('29: behind a good one, one that ends too soon', seal(payload([1, 2], [1, 2]).subarray(0, 40))),
  blocks('to block 35', 6),
  blocks('36: both', 1, {
    ...stored,
    differs: differs(['incentive-event', 'timelocked-names', 'payload-names-hotkey'], {
      blockEvents: [...revealed([1, BOB], [2, CHARLIE]).at424.blockEvents!],
      storage: { 'SubtensorModule.Weights(2, 1)': '0x040300ffff' },
    }),
  }),
  alignEpochs('the next epoch is in block 46'),
  blocks('nothing is left', 10, { differs: incentives('0,0,0,0') }),
]);
