import { alignEpochs, incentives } from '../epoch-clock.ts';
import { hashOf, type Revealed, revealArgs } from '../hashed-commit.ts';
import { freshSubnet, NETUID, neurons } from '../levelling.ts';
import { blocks, type Call, call, differs, level, type More, type Step, scenario } from '../scenario.ts';

/** Weights committed by hash and revealed by the validator itself, in the epoch after. */

const VALIDATOR = '@Bob/hot';
const MINER = '@Charlie/hot';

/** What is committed to: the salt tells one from the other. */
const weightsOf = (salt: number): Revealed => ({
  uids: [1, 2],
  values: [30_000, 100 * salt],
  salt: [salt, 7],
  versionKey: 0n,
});

interface Who {
  readonly by?: string;
  readonly netuid?: number;
}

const commit = (name: string, salt: number, { by = VALIDATOR, netuid = NETUID, ...more }: Who & More = {}): Step => {
  const spec: Call = (now) => ({
    call: 'SubtensorModule.commit_weights',
    args: { netuid, commit_hash: hashOf(now, by, weightsOf(salt)) },
  });
  return call(name, by, spec, {}, more);
};

const reveal = (name: string, salt: number, { by = VALIDATOR, ...more }: Who & More = {}): Step =>
  call(name, by, 'SubtensorModule.reveal_weights', revealArgs(weightsOf(salt)), more);

const commitAll = (name: string, salts: number[], more: More = {}): Step => {
  const spec: Call = (now) => ({
    call: 'SubtensorModule.batch_commit_weights',
    args: {
      netuids: salts.map(() => NETUID),
      commit_hashes: salts.map((salt) => hashOf(now, VALIDATOR, weightsOf(salt))),
    },
  });
  return call(name, VALIDATOR, spec, {}, more);
};

const revealAll = (name: string, salts: number[], more: More = {}): Step => {
  const all = salts.map(weightsOf);
  const args = {
    netuid: NETUID,
    uids_list: all.map(({ uids }) => uids),
    values_list: all.map(({ values }) => values),
    salts_list: all.map(({ salt }) => salt),
    version_keys: all.map(({ versionKey }) => versionKey),
  };
  return call(name, VALIDATOR, 'SubtensorModule.batch_reveal_weights', args, more);
};

const stored: More = {
  read: [
    ['SubtensorModule.Weights', NETUID, 1],
    ['SubtensorModule.LastUpdate', NETUID],
  ],
};
const inPool = (code: string) => ({ differs: differs('weights-in-pool', { result: `pool 1010 Custom ${code}` }) });
const TOO_EARLY = inPool('17 CommitBlockNotInRevealRange');
const NOT_FOUND = inPool('16 CommitNotFound');
const oneFailed = (error: string): More => ({
  differs: differs('batch-item-names-subnet', {
    events: [
      'SubtensorModule.BatchCompletedWithErrors',
      `SubtensorModule.BatchWeightItemFailed(2, {"error":"SubtensorModule.${error}"})`,
      `SubtensorModule.BatchWeightsCompleted([2], ${VALIDATOR})`,
    ],
  }),
});
const put = (name: string, item: string, value: unknown, netuid = NETUID): Step =>
  level(name, [[[`SubtensorModule.${item}`, netuid], value]]);

/** Heights are those of the block that a step makes; epochs are in 16, 26, 36 and 46. */
export const weightsHashed = scenario('weights-hashed', [
  freshSubnet({ CommitRevealWeightsEnabled: true }),
  neurons('@Bob', '@Charlie'),
  level('stake of the validator, nobody else is one', [
    [['SubtensorModule.TotalHotkeyAlpha', VALIDATOR, NETUID], 1_000_000_000],
    [
      ['SubtensorModule.ValidatorPermit', NETUID],
      [false, true, false],
    ],
    [['SubtensorModule.CommitRevealWeightsEnabled', 77], false],
  ]),
  blocks('to block 7', 4),
  alignEpochs('the next epoch is in block 16'),
  commit('8: a commit', 1, stored),
  commit('9: by nobody', 1, { by: '@Nobody' }),
  commit('10: for no subnet', 1, {
    netuid: 77,
    differs: differs('missing-mechanism', { result: 'SubtensorModule.MechanismDoesNotExist' }),
  }),
  reveal('11: a reveal in the same epoch', 1, TOO_EARLY),
  reveal('12: of what was never committed', 9, {
    differs: differs('weights-in-pool', { result: 'pool 1010 Custom 16 CommitNotFound' }),
  }),
  reveal('13: by whoever committed nothing', 1, { by: MINER, ...NOT_FOUND }),
  commit('14: another commit', 2, stored),
  commit('15: of a hotkey without a permit', 3, { by: MINER }),
  blocks('16: the epoch', 1, { differs: incentives('0,0,0') }),
  alignEpochs('the next epoch is in block 26'),
  commit('17: a third', 4),
  reveal('18: too early for the third', 4, TOO_EARLY),
  reveal('19: the second', 2, stored),
  reveal('20: the first went with it', 1, NOT_FOUND),
  reveal('21: without a permit', 3, { by: MINER }),
  commitAll('22: nine more', [10, 11, 12, 13, 14, 15, 16, 17, 18]),
  commitAll('23: too many, together', [19], oneFailed('TooManyUnrevealedCommits')),
  commit('24: too many', 19),
  put('commit-reveal off', 'CommitRevealWeightsEnabled', false),
  reveal('25: a reveal while it is off', 4, TOO_EARLY),
  put('commit-reveal on', 'CommitRevealWeightsEnabled', true),
  blocks('26: the epoch', 1, { differs: incentives('0,0,0') }),
  alignEpochs('the next epoch is in block 36'),
  revealAll('27: two at once, in any order', [12, 10], stored),
  revealAll('28: one of them again', [13, 10], NOT_FOUND),
  revealAll('29: none', [], stored),
  call(
    '30: lists of unequal lengths',
    VALIDATOR,
    'SubtensorModule.batch_reveal_weights',
    { netuid: NETUID, uids_list: [[1]], values_list: [], salts_list: [[1]], version_keys: [0] },
    inPool('18 InputLengthsUnequal'),
  ),
  reveal('31: one behind others', 11, stored),
  put('ten blocks between commits', 'WeightsSetRateLimit', 10),
  put('and one just now', 'LastUpdate', [0, 31, 31]),
  commit('32: too fast', 21, {
    differs: differs('weights-limit-in-pool', { result: 'pool 1010 Custom 6 RateLimitExceeded' }),
  }),
  commitAll('33: too fast, together', [21], oneFailed('CommittingWeightsTooFast')),
  reveal('34: reveals have no limit', 13, stored),
  level('stake wanted', [[['SubtensorModule.StakeThreshold'], 2_000_000_000]]),
  commit('35: too little stake', 21),
  blocks('36: the epoch', 1, { differs: incentives('0,0,0') }),
  alignEpochs('the next epoch is in block 46'),
  reveal('37: too little stake', 14),
  level('no stake wanted', [[['SubtensorModule.StakeThreshold'], 0]]),
  put('no limit', 'WeightsSetRateLimit', 0),
  reveal('38: too late', 14, TOO_EARLY),
  commit('39: room again', 22, stored),
  reveal('40: too late, and behind it is a live one', 14, NOT_FOUND),
  commitAll('41: none', []),
  put('commit-reveal off again', 'CommitRevealWeightsEnabled', false),
  commit('42: a commit while it is off', 23),
]);
