import { encodeWeightsPayload } from '@tuning/chain';
import { alignEpochs } from '../epoch-clock.ts';
import { freshSubnet, fund, NETUID, neurons } from '../levelling.ts';
import { blocks, differs, level, type More, type Step, scenario } from '../scenario.ts';
import { commitSealed as commit, pulse, ROUND, revealed, seal } from '../timelocked-commit.ts';

/** Weights encrypted to a drand round, which the chain itself reveals in an epoch's block, before the epoch. */

const VALIDATOR = '@Bob/hot';
const SECOND = '@Charlie/hot';
const MINER = '@Dave/hot';

/** Of the older form, which names no hotkey; spec 293 knows no other. */
const payload = (uids: number[], values: number[]): Uint8Array =>
  encodeWeightsPayload({ hotkey: undefined, uids, values, versionKey: 0n });

const stored: More = {
  read: [
    ['SubtensorModule.Weights', NETUID, 1],
    ['SubtensorModule.Weights', NETUID, 2],
    ['SubtensorModule.Incentive', NETUID],
  ],
};
const put = (name: string, item: string, value: unknown, netuid = NETUID): Step =>
  level(name, [[[`SubtensorModule.${item}`, netuid], value]]);

/** Of a round that is still to come. */
const LATER = { round: 3000 };
const GOOD = payload([2, 3], [300, 100]);
const flipped = (sealed: string, at: number): string => {
  const bytes = Buffer.from(sealed.slice(2), 'hex');
  bytes[at]! ^= 1;
  return `0x${bytes.toString('hex')}`;
};

/** Heights are those of the block that a step makes; epochs are in 26, 36 and 46; of its first two epochs spec 293 reveals nothing. */
export const weightsTimelocked = scenario('weights-timelocked', [
  freshSubnet({ CommitRevealWeightsEnabled: true }),
  fund(10_000_000_000, '@Dave'),
  neurons('@Bob', '@Charlie', '@Dave'),
  level('stake of two validators', [
    [['SubtensorModule.TotalHotkeyAlpha', VALIDATOR, NETUID], 3_000_000_000],
    [['SubtensorModule.TotalHotkeyAlpha', SECOND, NETUID], 1_000_000_000],
    [
      ['SubtensorModule.ValidatorPermit', NETUID],
      [false, true, true, false],
    ],
    [['SubtensorModule.CommitRevealWeightsEnabled', 77], false],
  ]),
  blocks('to block 17', 12),
  alignEpochs('the next epoch is in block 26'),
  commit('18: a commit', seal(GOOD), { read: [['SubtensorModule.LastUpdate', NETUID]] }),
  commit('19: by nobody', seal(GOOD), { by: '@Nobody', refused: true }),
  commit('20: for no subnet', seal(GOOD), {
    netuid: 77,
    differs: differs('missing-mechanism', { result: 'SubtensorModule.MechanismDoesNotExist' }),
  }),
  commit('21: of another version', '0x00', {
    version: 3,
    differs: differs('commit-reveal-version', { result: 'SubtensorModule.IncorrectCommitRevealVersion', events: [] }),
  }),
  commit('22: without a permit', seal(GOOD), { by: MINER }),
  commit('23: no ciphertext at all', '0x0102', { by: SECOND }),
  commit('24: a good one behind it', seal(payload([3, 2, 0], [5, 5, 0])), {
    by: SECOND,
  }),
  pulse('25: the pulse of the round is there', ROUND),
  blocks('25: nothing yet', 1, stored),
  blocks('26: revealed, and counted in the same block', 1, {
    ...stored,
    differs: revealed([1, VALIDATOR], [2, SECOND]),
  }),
  alignEpochs('the next epoch is in block 36'),
  commit('27: a byte of the body flipped', flipped(seal(payload([1], [1])), 200)),
  commit('28: a byte of the point flipped', flipped(seal(payload([2], [1])), 5)),
  commit('29: plaintext that is no payload', seal(Uint8Array.of(255, 255, 255))),
  commit('30: plaintext that ends too soon', seal(payload([1, 2, 3], [1, 2, 3]).subarray(0, 9))),
  commit('31: trailing bytes', seal(Buffer.concat([payload([0, 1], [1, 2]), Buffer.from('more')])), {
    by: SECOND,
  }),
  commit('32: weights that the chain refuses', seal(payload([3, 3], [1, 2]))),
  commit('33: a round that has no pulse', seal(payload([2], [9]), 2000), {
    round: 2000,
  }),
  commit('34: a round that is over', seal(GOOD), {
    round: 999,
    differs: differs('weights-in-pool', { result: 'pool 1010 Custom 15 InvalidRevealRound' }),
  }),
  blocks('35: nothing yet', 1, stored),
  blocks('36: only the one with trailing bytes', 1, { ...stored, differs: revealed([2, SECOND]) }),
  alignEpochs('the next epoch is in block 46'),
  pulse('another round’s signature as that of round 2000', 2000),
  blocks('37: which opens nothing', 1, stored),
  level('the pulse of the round is late', [
    [['Drand.Pulses', ROUND], null],
    [['Drand.LastStoredRound'], 0],
  ]),
  commit('38: a commit for it', seal(payload([1, 3], [2, 2]))),
  blocks('39 to 45: nothing', 7),
  blocks('46: nothing, and that was it at 293', 1, { ...stored, differs: revealed() }),
  put('no epoch from here on', 'Tempo', 65_535),
  pulse('there it is', ROUND),
  blocks('47: within its epoch at 424', 1, {
    ...stored,
    differs: differs('late-pulse', {
      blockEvents: ['SubtensorModule.WeightsSet(2, 1)', 'SubtensorModule.TimelockedWeightsRevealed(2, @Bob/hot)'],
      storage: { 'SubtensorModule.Weights(2, 1)': '0x080100ffff0300ffff' },
    }),
  }),
  ...Array.from({ length: 10 }, (_, i) => i).map((i) =>
    commit(`one of ten, ${i}`, '0x00', { ...LATER, by: SECOND, sceneOnly: true, refused: true }),
  ),
  commit('an eleventh', '0x00', { ...LATER, by: SECOND, refused: true }),
  commit('which another hotkey may', '0x00', LATER),
  put('ten blocks between commits', 'WeightsSetRateLimit', 10),
  commit('too fast', '0x00', { ...LATER, refused: true }),
  commit('too fast comes before too many', '0x00', { ...LATER, by: SECOND, refused: true }),
  commit('another version comes before who commits', '0x00', {
    ...LATER,
    by: '@Nobody',
    version: 3,
    differs: differs('commit-reveal-version', { result: 'SubtensorModule.IncorrectCommitRevealVersion' }),
  }),
  level('stake wanted', [[['SubtensorModule.StakeThreshold'], 2_000_000_000]]),
  commit('too little stake', '0x00', { ...LATER, by: SECOND, refused: true }),
  commit('too little stake comes before a round that is over', '0x00', { by: SECOND, round: 999, refused: true }),
  put('commit-reveal off', 'CommitRevealWeightsEnabled', false),
  commit('while it is off', '0x00', { ...LATER, refused: true }),
  level('no stake wanted', [[['SubtensorModule.StakeThreshold'], 0]]),
  commit('that it is off comes before the version and who commits', '0x00', {
    ...LATER,
    by: '@Nobody',
    version: 3,
    refused: true,
  }),
  commit('a round that is over comes before that it is off', '0x00', {
    round: 999,
    differs: differs('weights-in-pool', { result: 'pool 1010 Custom 15 InvalidRevealRound' }),
  }),
]);
