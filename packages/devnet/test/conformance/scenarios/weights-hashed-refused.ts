import { alignEpochs, incentives } from '../epoch-clock.ts';
import { hashOf, type Revealed, revealArgs } from '../hashed-commit.ts';
import { freshSubnet, fund, NETUID, neurons } from '../levelling.ts';
import { blocks, type Call, call, differs, level, type More, type Step, scenario } from '../scenario.ts';

/** Commits and reveals by hash: each refusal, before the one that the chain would meet next. */

const VALIDATOR = '@Bob/hot';
const MINER = '@Charlie/hot';

const TEMPO = 14;

let salts = 0;
const weights = (uids: number[], values: number[], versionKey = 5n): Revealed => ({
  uids,
  values,
  salt: [++salts],
  versionKey,
});

/** There are four uids, and a version key of 5 is wanted. */
const UNEQUAL = weights([1, 2, 3, 0, 1], [1], 4n);
const TOO_MANY = weights([1, 2, 3, 0, 1], [1, 1, 1, 1, 1], 4n);
const DUPLICATES = weights([9, 9], [1, 1]);
const OUT_OF_RANGE = weights([1, 4], [1, 1]);
const TOO_FEW = weights([1, 2], [9, 1]);
const TOO_HEAVY = weights([1, 2, 3], [9, 1, 1]);
const GOOD = weights([2, 3], [2, 1]);
const OLD_KEY = weights([3, 3], [1, 1], 4n);
const NO_PERMIT = weights([3, 3], [1, 1]);

const commit = (name: string, by: string, more: More = {}): Step => {
  const spec: Call = (now) => ({
    call: 'SubtensorModule.commit_weights',
    args: { netuid: NETUID, commit_hash: hashOf(now, by, GOOD) },
  });
  return call(name, by, spec, {}, more);
};
const commitAll = (name: string, by: string, all: Revealed[]): Step => {
  const spec: Call = (now) => ({
    call: 'SubtensorModule.batch_commit_weights',
    args: { netuids: all.map(() => NETUID), commit_hashes: all.map((one) => hashOf(now, by, one)) },
  });
  return call(name, by, spec);
};
const reveal = (name: string, one: Revealed, by = VALIDATOR, more: More = {}): Step =>
  call(name, by, 'SubtensorModule.reveal_weights', revealArgs(one), more);
const revealAll = (name: string, ...all: Revealed[]): Step =>
  call(name, VALIDATOR, 'SubtensorModule.batch_reveal_weights', {
    netuid: NETUID,
    uids_list: all.map(({ uids }) => uids),
    values_list: all.map(({ values }) => values),
    salts_list: all.map(({ salt }) => salt),
    version_keys: all.map(({ versionKey }) => versionKey),
  });

const put = (name: string, items: Readonly<Record<string, unknown>>): Step =>
  level(
    name,
    Object.entries(items).map(([item, value]) => [[`SubtensorModule.${item}`, NETUID], value]),
  );
const threshold = (name: string, rao: number): Step => level(name, [[['SubtensorModule.StakeThreshold'], rao]]);
const stored: More = { read: [['SubtensorModule.Weights', NETUID, 1]] };

/** Epochs are in the blocks 26 and 41. */
export const weightsHashedRefused = scenario('weights-hashed-refused', [
  freshSubnet({ CommitRevealWeightsEnabled: false }),
  fund(10_000_000_000, '@Dave'),
  neurons('@Bob', '@Charlie', '@Dave'),
  level('stake of the validator, nobody else is one', [
    [['SubtensorModule.TotalHotkeyAlpha', VALIDATOR, NETUID], 1_000_000_000],
    [
      ['SubtensorModule.ValidatorPermit', NETUID],
      [false, true, false, false],
    ],
  ]),
  blocks('to block 12', 7),
  alignEpochs('the next epoch is in block 26', TEMPO),
  commit('that it is off comes before who commits', '@Nobody'),
  put('commit-reveal on', { CommitRevealWeightsEnabled: true }),
  threshold('stake wanted', 1000),
  commit('stake comes before registration', '@Nobody'),
  call(
    'lists of unequal lengths come before stake at 424',
    '@Nobody',
    'SubtensorModule.batch_commit_weights',
    { netuids: [NETUID, NETUID], commit_hashes: [`0x${'00'.repeat(32)}`] },
    { differs: differs('weights-in-pool', { result: 'pool 1010 Custom 18 InputLengthsUnequal' }) },
  ),
  threshold('no stake wanted', 0),
  call(
    'lists of unequal lengths',
    VALIDATOR,
    'SubtensorModule.batch_commit_weights',
    { netuids: [NETUID, NETUID], commit_hashes: [`0x${'00'.repeat(32)}`] },
    { differs: differs('weights-in-pool', { result: 'pool 1010 Custom 18 InputLengthsUnequal' }) },
  ),
  commitAll('ten commits', VALIDATOR, [
    UNEQUAL,
    TOO_MANY,
    DUPLICATES,
    OUT_OF_RANGE,
    TOO_FEW,
    TOO_HEAVY,
    weights([1], [1]),
    weights([1], [1]),
    weights([1], [1]),
    GOOD,
  ]),
  put('ten blocks between commits', { WeightsSetRateLimit: 10 }),
  commit('too fast comes before too many', VALIDATOR, {
    differs: differs('weights-limit-in-pool', { result: 'pool 1010 Custom 6 RateLimitExceeded' }),
  }),
  put('no limit', { WeightsSetRateLimit: 0 }),
  commitAll('two by one without a permit', MINER, [OLD_KEY, NO_PERMIT]),
  blocks('to block 25', 6),
  blocks('26: the epoch', 1, { differs: incentives('0,0,0,0') }),
  alignEpochs('the next epoch is in block 41', TEMPO),
  put('commit-reveal off', { CommitRevealWeightsEnabled: false }),
  reveal('while it is off', GOOD),
  revealAll('together while it is off', GOOD, DUPLICATES),
  put('commit-reveal on again, a version key', { CommitRevealWeightsEnabled: true, WeightsVersionKey: 5 }),
  reveal('unequal lengths come before too many uids', UNEQUAL),
  reveal('too many uids come before an old version key', TOO_MANY),
  reveal('an old version key comes before the permit', OLD_KEY, MINER),
  reveal('no permit comes before duplicates', NO_PERMIT, MINER),
  put('three weights needed, none above a third', { MinAllowedWeights: 3, MaxWeightsLimit: 21_844 }),
  reveal('duplicates come before uids out of range', DUPLICATES),
  reveal('a uid out of range comes before too few', OUT_OF_RANGE),
  reveal('too few come before too heavy', TOO_FEW),
  reveal('too heavy', TOO_HEAVY, VALIDATOR, stored),
  put('one needed, of any weight', { MinAllowedWeights: 1, MaxWeightsLimit: 65_535 }),
  revealAll('a refused one among good ones: none is revealed', GOOD, DUPLICATES),
  reveal('refused reveals kept their commits', GOOD, VALIDATOR, stored),
  reveal('what was before it went with it', TOO_HEAVY, VALIDATOR, {
    differs: differs('weights-in-pool', { result: 'pool 1010 Custom 16 CommitNotFound' }),
  }),
]);
