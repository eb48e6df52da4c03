import { alignEpochs, incentives } from '../epoch-clock.ts';
import { hashOf, type Revealed, revealArgs } from '../hashed-commit.ts';
import { freshSubnet, NETUID, neurons } from '../levelling.ts';
import {
  type Args,
  blocks,
  type Call,
  call,
  differs,
  inner,
  level,
  type Outcome,
  type Step,
  scenario,
} from '../scenario.ts';

/** Commits and reveals for one mechanism of a subnet, which spec 293 has no calls for. A subnet of ours has but one. */

const VALIDATOR = '@Bob/hot';
const WEIGHTS: Revealed = { uids: [1, 2], values: [2, 1], salt: [1], versionKey: 0n };
/** blake2_256 of hotkey, netuid, uids, values, salt and version key, worked out apart. */
const HASH = '0x89e027057223a43f6762ad139a1aebb92bae929fe77a23e20fd761db7b920319';
const ROUND = 3000;
/** blake2_256 of the byte 0. */
const SEALED_HASH = '0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314';

const only424 = (name: string, target: Call, at424: Partial<Outcome>): Step =>
  call(
    name,
    VALIDATOR,
    target,
    {},
    {
      read: [['SubtensorModule.Weights', NETUID, 1]],
      differs: differs('mechanisms', { result: 'ok', events: [], fee: 0, ...at424 }),
    },
  );
const NONE = { result: 'SubtensorModule.MechanismDoesNotExist' };

const commit = (name: string, mecid: number, at424: Partial<Outcome>): Step => {
  const target: Call = (now) =>
    inner('SubtensorModule.commit_mechanism_weights', {
      netuid: NETUID,
      mecid,
      commit_hash: hashOf(now, VALIDATOR, WEIGHTS),
    });
  return only424(name, target, at424);
};
const reveal = (name: string, mecid: number, at424: Partial<Outcome>): Step =>
  only424(name, inner('SubtensorModule.reveal_mechanism_weights', { ...revealArgs(WEIGHTS), mecid }), at424);
const sealed = (mecid: number): Args => ({ netuid: NETUID, mecid, commit: '0x00', reveal_round: ROUND });
const timelocked = (name: string, mecid: number, at424: Partial<Outcome>, commit_reveal_version = 4): Step => {
  const args = { ...sealed(mecid), commit_reveal_version };
  return only424(name, inner('SubtensorModule.commit_timelocked_mechanism_weights', args), at424);
};
const crv3 = (name: string, mecid: number, at424: Partial<Outcome>): Step =>
  only424(name, inner('SubtensorModule.commit_crv3_mechanism_weights', sealed(mecid)), at424);
const SEALED = {
  events: [`SubtensorModule.TimelockedWeightsCommitted(${[VALIDATOR, NETUID, SEALED_HASH, ROUND].join(', ')})`],
};

export const weightsMechanisms = scenario('weights-mechanisms', [
  freshSubnet({ CommitRevealWeightsEnabled: true }),
  neurons('@Bob', '@Charlie'),
  level('stake of the validator', [
    [['SubtensorModule.TotalHotkeyAlpha', VALIDATOR, NETUID], 1_000_000_000],
    [
      ['SubtensorModule.ValidatorPermit', NETUID],
      [false, true, false],
    ],
  ]),
  blocks('to block 7', 4),
  alignEpochs('the next epoch is in block 16'),
  commit('by hash, of one that there is not', 1, NONE),
  commit('by hash', 0, {
    events: [`SubtensorModule.WeightsCommitted(${[VALIDATOR, NETUID, HASH].join(', ')})`],
  }),
  timelocked('timelocked, of one that there is not', 1, NONE),
  timelocked('timelocked, of another version', 0, { result: 'SubtensorModule.IncorrectCommitRevealVersion' }, 3),
  timelocked('timelocked', 0, SEALED),
  crv3('the older call, of one that there is not', 1, NONE),
  crv3('the older call', 0, SEALED),
  reveal('too early', 0, { result: 'pool 1010 Custom 17 CommitBlockNotInRevealRange' }),
  blocks('16: the epoch', 1, { differs: incentives('0,0,0') }),
  reveal('of one that there is not', 1, { result: 'pool 1010 Custom 16 CommitNotFound' }),
  reveal('revealed', 0, {
    events: [
      'SubtensorModule.WeightsSet(2, 1)',
      `SubtensorModule.WeightsRevealed(${[VALIDATOR, NETUID, HASH].join(', ')})`,
    ],
    storage: { 'SubtensorModule.Weights(2, 1)': '0x080100ffff02000080' },
  }),
]);
