import { describe, expect, it } from 'vitest';
import { type EpochInput, runConsensus, topByStake } from '../src/runtime/emulated/pallets/subtensor/epoch-math.ts';

const input = (change: Partial<EpochInput>): EpochInput => ({
  stake: [6, 3, 1, 0, 0],
  active: [true, true, true, true, true],
  permits: [true, true, true, false, false],
  weights: [[], [], [], [], []],
  bonds: [[], [], [], [], []],
  kappa: 0.5,
  bondsPenalty: 1,
  bondsMovingAverage: 0.9,
  ...change,
});

describe('epoch consensus', () => {
  it('clips what a minority of stake says to what the majority says', () => {
    const result = runConsensus(input({ weights: [[[3, 1]], [[3, 1]], [[4, 1]], [], []] }));
    expect(result.consensus).toEqual([0, 0, 0, 1, 0]);
    expect(result.incentive).toEqual([0, 0, 0, 1, 0]);
    expect(result.validatorTrust).toEqual([1, 1, 0, 0, 0]);
    // Dividends follow active stake among those whose bonds agree; the lone dissenter earns nothing.
    expect(result.dividends[0]).toBeCloseTo(2 / 3, 6);
    expect(result.dividends[1]).toBeCloseTo(1 / 3, 6);
    expect(result.dividends[2]).toBe(0);
  });

  it('ignores rows without a permit and validators that are inactive', () => {
    const weights: EpochInput['weights'] = [
      [
        [3, 3],
        [4, 1],
      ],
      [[4, 1]],
      [],
      [[4, 1]],
      [],
    ];
    const result = runConsensus(
      input({ weights, active: [true, false, true, true, true], permits: [true, true, false, false, false] }),
    );
    expect(result.activeStake).toEqual([1, 0, 0, 0, 0]);
    expect(result.incentive).toEqual([0, 0, 0, 0.75, 0.25]);
  });

  it('gives permits to the largest positive stakes only', () => {
    expect(topByStake([5, 0, 7, 5], 2)).toEqual([true, false, true, false]);
    expect(topByStake([0, 0], 2)).toEqual([false, false]);
  });
});
