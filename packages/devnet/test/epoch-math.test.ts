import { describe, expect, it } from 'vitest';
import { type EpochInput, runConsensus, topByStake } from '../src/runtime/emulated/pallets/subtensor/epoch-math.ts';

/** Five neurons, the first three validators of 60 %, 30 % and 10 %; everyone registered in block 0. */
const input = (change: Partial<EpochInput>): EpochInput => ({
  block: 100n,
  tempo: 10,
  activityCutoff: 1000n,
  lastUpdate: [50n, 50n, 50n, 50n, 50n],
  registeredAt: [0n, 0n, 0n, 0n, 0n],
  stake: [6n, 3n, 1n, 0n, 0n].map((rao) => rao << 64n),
  stakeThreshold: 0n,
  ownerUid: undefined,
  permits: [true, true, true, false, false],
  maxValidators: 3,
  weights: [[], [], [], [], []],
  bonds: [[], [], [], [], []],
  commitBlocks: undefined,
  lastStep: 90n,
  kappa: 32_767,
  bondsPenalty: 65_535,
  bondsMovingAverage: 900_000n,
  yuma3: true,
  liquidAlpha: undefined,
  emission: 1_000_000n,
  ...change,
});

const ALL = 65_535;

describe('an epoch', () => {
  it('clips what a minority of stake says to what the majority says', () => {
    const result = runConsensus(input({ weights: [[[3, ALL]], [[3, ALL]], [[4, ALL]], [], []] }));
    expect(result.consensus).toEqual([0, 0, 0, ALL, 0]);
    expect(result.incentive).toEqual([0, 0, 0, ALL, 0]);
    expect(result.validatorTrust).toEqual([ALL, ALL, 0, 0, 0]);
    // The cut shares of stake are a little more than 2 : 1, so one third falls short of its 21845.
    expect(result.dividends).toEqual([43_690, 21_844, 0, 0, 0]);
    expect(result.stakeWeight).toEqual([39_320, 19_660, 6553, 0, 0]);
    // A tenth of each weight: floor(0.0999… * 65535).
    expect(result.bonds).toEqual([[[3, 6553]], [[3, 6553]], [], [], []]);
    expect(result.permits).toEqual([true, true, true, false, false]);
    // Half for the miner; the validators' half by dividends.
    expect(result.serverEmission).toEqual([0n, 0n, 0n, 500_000n, 0n]);
    expect(result.validatorEmission).toEqual([333_333n, 166_666n, 0n, 0n, 0n]);
  });

  it('ignores rows without a permit and validators that are inactive', () => {
    const weights: EpochInput['weights'] = [
      [
        [3, 49_151],
        [4, 16_384],
      ],
      [[4, ALL]],
      [],
      [[4, ALL]],
      [],
    ];
    const result = runConsensus(
      input({
        weights,
        lastUpdate: [50n, 1n, 50n, 50n, 50n],
        activityCutoff: 60n,
        permits: [true, true, false, false, false],
      }),
    );
    expect(result.active).toEqual([true, false, true, true, true]);
    expect(result.incentive).toEqual([0, 0, 0, 49_150, 16_383]);
  });

  it('does not count weights for whoever registered after they were set, or after the commit behind them', () => {
    const weights: EpochInput['weights'] = [
      [
        [3, ALL],
        [4, ALL],
      ],
      [],
      [],
      [],
      [],
    ];
    const late = [0n, 0n, 0n, 0n, 50n];
    expect(runConsensus(input({ weights, registeredAt: late })).incentive).toEqual([0, 0, 0, ALL, 0]);
    const none = [undefined, undefined, undefined, undefined];
    const later = { weights, registeredAt: [0n, 0n, 0n, 0n, 49n] };
    expect(runConsensus(input({ ...later, commitBlocks: [undefined, ...none] })).incentive[4]).toBeGreaterThan(0);
    expect(runConsensus(input({ ...later, commitBlocks: [49n, ...none] })).incentive[4]).toBeGreaterThan(0);
    expect(runConsensus(input({ ...later, commitBlocks: [48n, ...none] })).incentive[4]).toBe(0);
  });

  it('counts a self-weight of the owner only, who needs neither permit nor the threshold', () => {
    const weights: EpochInput['weights'] = [[[0, ALL]], [[1, ALL]], [], [], []];
    const own = { weights, permits: [false, true, true, false, false], stakeThreshold: 10n };
    const result = runConsensus(input({ ...own, ownerUid: 0 }));
    expect(result.incentive).toEqual([ALL, 0, 0, 0, 0]);
    expect(result.permits).toEqual([true, false, false, false, false]);
    expect(runConsensus(input({ ...own, ownerUid: undefined })).incentive).toEqual([0, 0, 0, 0, 0]);
  });

  it('forgets bonds to whoever registered since the last epoch', () => {
    const bonds: EpochInput['bonds'] = [
      [
        [3, 40_000],
        [4, 40_000],
      ],
      [],
      [],
      [],
      [],
    ];
    const result = runConsensus(input({ bonds, registeredAt: [0n, 0n, 0n, 90n, 91n] }));
    expect(result.bonds[0]).toEqual([[3, 35_999]]);
  });

  it('pays by stake where nobody has weights', () => {
    const result = runConsensus(input({ permits: [true, true, false, false, false] }));
    expect(result.validatorEmission).toEqual([666_666n, 333_333n, 0n, 0n, 0n]);
    const idle = runConsensus(input({ permits: [false, false, false, false, false] }));
    expect(idle.validatorEmission).toEqual([599_999n, 299_999n, 99_999n, 0n, 0n]);
    expect(idle.serverEmission).toEqual([0n, 0n, 0n, 0n, 0n]);
  });

  it('gives permits to the largest positive stakes only, the later uid of two equal ones', () => {
    expect(topByStake([5n, 0n, 7n, 5n], 2)).toEqual([false, false, true, true]);
    expect(topByStake([0n, 0n], 2)).toEqual([false, false]);
  });
});
