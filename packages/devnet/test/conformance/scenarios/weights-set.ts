import { freshSubnet, fund, NETUID, neurons } from '../levelling.ts';
import { type Args, blocks, call, differs, inner, level, type More, type Step, scenario } from '../scenario.ts';

/** set_weights: each refusal, before the one that the chain would meet next; then what is stored. */

const VALIDATOR = '@Bob/hot';
const MINER = '@Charlie/hot';
const OWNER = '@Alice/hot';
/** Uid 0 is the owner's, 1 Bob's, 2 Charlie's, 3 Dave's. */
const PERMITS = [false, true, false, false];

interface Weights {
  readonly by?: string;
  readonly netuid?: number;
  readonly key?: number;
}

const argsOf = (dests: number[], weights: number[], { netuid = NETUID, key = 0 }: Weights): Args => ({
  netuid,
  dests,
  weights,
  version_key: key,
});

const set = (name: string, dests: number[], weights: number[], options: Weights & More = {}): Step => {
  const { by = VALIDATOR, netuid: _, key: __, ...more } = options;
  return call(name, by, 'SubtensorModule.set_weights', argsOf(dests, weights, options), more);
};

/** Within a batch no pool has looked: the error is the one of the call itself. */
const setInBatch = (name: string, dests: number[], weights: number[], options: Weights & More = {}): Step => {
  const { by = '@Bob', netuid: _, key: __, ...more } = options;
  const calls = [inner('SubtensorModule.set_weights', argsOf(dests, weights, options))];
  return call(name, by, 'Utility.batch', { calls }, { differs: differs('free-batches', { fee: 0 }), ...more });
};

const put = (name: string, items: Readonly<Record<string, unknown>>, netuid = NETUID): Step =>
  level(
    name,
    Object.entries(items).map(([item, value]) => [[`SubtensorModule.${item}`, netuid], value]),
  );

const stored = (uid: number) =>
  [
    ['SubtensorModule.Weights', NETUID, uid],
    ['SubtensorModule.LastUpdate', NETUID],
  ] as const;

const scene: (Step | Step[])[] = [
  freshSubnet(),
  fund(10_000_000_000, '@Dave'),
  neurons('@Bob', '@Charlie', '@Dave'),
  put('a validator', { ValidatorPermit: PERMITS }),
];

const NO_SUBNET = differs('missing-mechanism', { result: 'SubtensorModule.MechanismDoesNotExist' });
const TOO_FAST = differs('weights-limit-in-pool', { result: 'pool 1010 Custom 6 RateLimitExceeded' });

export const weightsRefused = scenario('weights-refused', [
  ...scene,
  put('root with commit-reveal', { CommitRevealWeightsEnabled: true }, 0),
  set('commit-reveal comes before root', [1], [1, 2], { netuid: 0 }),
  put('root without commit-reveal', { CommitRevealWeightsEnabled: false }, 0),
  set('root comes before unequal lengths', [1], [1, 2], { netuid: 0 }),
  put('no commit-reveal where there is no subnet', { CommitRevealWeightsEnabled: false }, 77),
  set('unequal lengths come before a missing subnet', [1], [1, 2], { netuid: 77 }),
  set('a missing subnet', [1], [1], { netuid: 77, differs: NO_SUBNET }),
  set('too many uids come before an unregistered hotkey', [1, 2, 3, 0, 1], [1, 1, 1, 1, 1], { by: '@Nobody' }),
  set('an unregistered hotkey', [1], [1], { by: '@Nobody' }),
  put('a version key', { WeightsVersionKey: 5 }),
  set('an unregistered hotkey comes before an old version key', [1], [1], { by: '@Nobody', key: 4 }),
  level('a stake threshold', [[['SubtensorModule.StakeThreshold'], 1000]]),
  set('stake is asked of an unregistered hotkey, too', [1], [1], { by: '@Nobody' }),
  set('and comes before unequal lengths', [1], [1, 2], { by: '@Nobody' }),
  setInBatch('in a batch an unregistered hotkey comes before its stake', [1], [1], {
    by: '@Charlie',
    differs: differs(['free-batches', 'guards-in-batches'], {
      fee: 0,
      events: ['Utility.BatchInterrupted(0, {"error":"SubtensorModule.NotEnoughStakeToSetWeights"})'],
    }),
  }),
  level('not quite enough stake', [[['SubtensorModule.TotalHotkeyAlpha', VALIDATOR, NETUID], 999]]),
  set('too little stake is refused in the pool', [1], [1]),
  level('enough stake', [[['SubtensorModule.TotalHotkeyAlpha', VALIDATOR, NETUID], 1000]]),
  put('a limit of 10 blocks', { WeightsSetRateLimit: 10, LastUpdate: [0, 1000, 1000, 1000] }),
  set('an old version key comes before the rate limit', [1], [1], {
    key: 4,
    differs: differs('weights-limit-in-pool', { result: 'pool 1010 Custom 6 RateLimitExceeded' }),
  }),
  put('no limit', { WeightsSetRateLimit: 0 }),
  set('an old version key comes before the permit', [1], [1], { key: 4 }),
  put('no version key, a limit of 10 blocks', { WeightsVersionKey: 0, WeightsSetRateLimit: 10 }),
  level('no stake threshold', [[['SubtensorModule.StakeThreshold'], 0]]),
  set('too fast comes before the permit', [2, 2], [1, 1], { by: MINER, differs: TOO_FAST }),
  put('never set any', { LastUpdate: [0, 0, 0, 0] }),
  set('no permit comes before duplicates', [2, 2], [1, 1], { by: MINER }),
  set('one weight that is not to oneself needs a permit', [1], [1], { by: MINER }),
  put('no weight at all needed', { MinAllowedWeights: 0 }),
  set('nor without any weight', [], [], { by: MINER }),
  put('three weights needed, none above a third', { MinAllowedWeights: 3, MaxWeightsLimit: 21_844 }),
  set('duplicates come before uids out of range', [9, 9], [1, 1]),
  set('a uid out of range comes before too few', [1, 4], [1, 1]),
  set('too few come before too heavy', [1, 2], [9, 1]),
  set('too heavy', [1, 2, 3], [9, 1, 1]),
  set('by a hair too heavy', [1, 2, 3], [1, 1, 1]),
  put('more needed than there are neurons', { MinAllowedWeights: 1024, MaxWeightsLimit: 65_535 }),
  set('too few for a small subnet', [1, 2, 3], [1, 1, 1]),
  set('all of a small subnet are enough', [0, 1, 2, 3], [1, 2, 3, 4], { read: stored(1) }),
  set('and then again too fast', [0, 1, 2, 3], [1, 2, 3, 4], { read: stored(1), differs: TOO_FAST }),
]);

const OWNERS = ['SubtensorModule.Weights', NETUID, 0] as const;
const ownerSets = (weights: string) =>
  differs('owner-validates', {
    result: 'ok',
    events: ['SubtensorModule.WeightsSet(2, 0)'],
    fee: 0,
    storage: { 'SubtensorModule.Weights(2, 0)': weights },
  });

const read = (more: More = {}, uid = 1): More => ({ ...more, read: stored(uid) });

export const weightsStored = scenario('weights-stored', [
  ...scene,
  set('the largest becomes 65535', [1, 2, 3], [1, 2, 3], read()),
  set('halves are rounded up', [2, 3], [2, 1], read()),
  set('as they are, when the largest is 65535 already', [1, 2], [65_535, 32_768], read()),
  set('just above half, where the chain divides first', [1, 2, 3], [32_769, 16_384, 1], read()),
  set('exactly half', [1, 2, 3], [32_768, 32_767, 1], read()),
  set('thirds', [3, 2, 1], [21_845, 43_690, 7], read()),
  set('primes', [0, 1, 2, 3], [60_013, 48_611, 17, 7919], read()),
  set('in the order that was sent', [3, 0, 2], [5, 9, 1], read()),
  set('zeros among others are kept', [0, 1, 2], [0, 7, 0], read()),
  set('nothing but zeros', [0, 2], [0, 0], read()),
  put('no weight at all needed', { MinAllowedWeights: 0 }),
  set('no weights', [], [], read()),
  put('all needed, none above an eighth, no permits', {
    MinAllowedWeights: 1024,
    MaxWeightsLimit: 8192,
    ValidatorPermit: [false, false, false, false],
  }),
  set('oneself alone needs no permit, no length, no limit', [2], [3], { by: MINER, ...read({}, 2) }),
  set('even with nothing', [2], [0], { by: MINER, ...read({}, 2) }),
  put('a limit that thirds just keep', { MinAllowedWeights: 1, MaxWeightsLimit: 21_845, ValidatorPermit: PERMITS }),
  set('thirds within it', [1, 2, 3], [5, 5, 5], read()),
  set('two halves are above it', [1, 2], [5, 5], read()),
  set('and zeros?', [1, 2], [0, 0], read()),
  put('no limit to weight, ten blocks between, Bob never set any', {
    MaxWeightsLimit: 65_535,
    WeightsSetRateLimit: 10,
    LastUpdate: [0, 0, 0, 0],
  }),
  set('whoever never set any is not too fast', [1, 2], [1, 1], read()),
  blocks('eight blocks', 8),
  set('nine blocks later is too fast', [1, 2], [2, 1], { ...read(), differs: TOO_FAST }),
  set('ten blocks later is not', [1, 2], [3, 1], read()),
  fund(1_000_000_000, VALIDATOR),
  setInBatch('in a batch the pool does not look', [1, 2], [1, 1], { by: VALIDATOR }),
  put('no limit, a version key', { WeightsSetRateLimit: 0, WeightsVersionKey: 1 }),
  level('stake wanted', [[['SubtensorModule.StakeThreshold'], 5]]),
  setInBatch('in a batch without stake, before an old key', [1, 2], [1, 1], { by: VALIDATOR }),
  put('no version key', { WeightsVersionKey: 0 }),
  set('the owner without stake', [0], [1], { by: OWNER, read: [OWNERS], differs: ownerSets('0x040000ffff') }),
  level('no stake wanted', [[['SubtensorModule.StakeThreshold'], 0]]),
  set('the owner without a permit', [1, 2], [1, 1], {
    by: OWNER,
    read: [OWNERS],
    differs: ownerSets('0x080100ffff0200ffff'),
  }),
]);

const batch = (name: string, args: Args, more: More = {}): Step =>
  call(name, VALIDATOR, 'SubtensorModule.batch_set_weights', args, { ...more, read: stored(1) });

/** Spec 293 has no mechanisms. */
const ofMechanism = (name: string, mecid: number, storage: Readonly<Record<string, string>>, result: string): Step =>
  call(
    name,
    VALIDATOR,
    'SubtensorModule.set_mechanism_weights',
    { netuid: NETUID, mecid, dests: [1, 2], weights: [3, 1], version_key: 0 },
    {
      read: [['SubtensorModule.Weights', NETUID, 1]],
      differs: differs('mechanisms', {
        result,
        events: result === 'ok' ? ['SubtensorModule.WeightsSet(2, 1)'] : [],
        fee: 0,
        storage,
      }),
    },
  );

/** Of several subnets at once, of several mechanisms. */
export const weightsBatched = scenario('weights-batched', [
  ...scene,
  put('no commit-reveal where there is no subnet', { CommitRevealWeightsEnabled: false }, 77),
  put('nor at root', { CommitRevealWeightsEnabled: false }, 0),
  batch(
    'lists of unequal lengths',
    { netuids: [2], weights: [[[1, 5]], [[1, 1]]], version_keys: [0] },
    {
      differs: differs('weights-in-pool', { result: 'pool 1010 Custom 18 InputLengthsUnequal' }),
    },
  ),
  batch('one subnet', {
    netuids: [2],
    weights: [
      [
        [1, 5],
        [2, 10],
      ],
    ],
    version_keys: [0],
  }),
  batch('the same subnet twice, the last counts', {
    netuids: [2, 2],
    weights: [
      [[1, 5]],
      [
        [3, 1],
        [2, 4],
      ],
    ],
    version_keys: [0, 0],
  }),
  batch(
    'what fails is told by events',
    { netuids: [2, 0, 77], weights: [[[9, 1]], [[1, 1]], [[1, 1]]], version_keys: [0, 0, 0] },
    {
      differs: differs('batch-item-names-subnet', {
        events: [
          'SubtensorModule.BatchCompletedWithErrors',
          'SubtensorModule.BatchWeightItemFailed(2, {"error":"SubtensorModule.UidVecContainInvalidOne"})',
          'SubtensorModule.BatchWeightItemFailed(0, {"error":"SubtensorModule.CanNotSetRootNetworkWeights"})',
          'SubtensorModule.BatchWeightItemFailed(77, {"error":"SubtensorModule.MechanismDoesNotExist"})',
          'SubtensorModule.BatchWeightsCompleted([2,0,77], @Bob/hot)',
        ],
      }),
    },
  ),
  put('commit-reveal', { CommitRevealWeightsEnabled: true }),
  batch(
    'commit-reveal on',
    { netuids: [2], weights: [[[1, 1]]], version_keys: [0] },
    {
      differs: differs('batch-item-names-subnet', {
        events: [
          'SubtensorModule.BatchCompletedWithErrors',
          'SubtensorModule.BatchWeightItemFailed(2, {"error":"SubtensorModule.CommitRevealEnabled"})',
          'SubtensorModule.BatchWeightsCompleted([2], @Bob/hot)',
        ],
      }),
    },
  ),
  batch('no subnet at all', { netuids: [], weights: [], version_keys: [] }),
  put('no commit-reveal', { CommitRevealWeightsEnabled: false }),
  ofMechanism('by mechanism', 0, { 'SubtensorModule.Weights(2, 1)': '0x080100ffff02005555' }, 'ok'),
  ofMechanism(
    'a mechanism that the subnet does not have',
    1,
    { 'SubtensorModule.Weights(2, 1)': '0x080100ffff02005555' },
    'SubtensorModule.MechanismDoesNotExist',
  ),
]);
