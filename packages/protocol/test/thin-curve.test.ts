import { describe, expect, it } from 'vitest';
import { curveAnswerSchema, LIMITS, thinCurve } from '../src/index.ts';

const steps = (count: number, from = 1) => Array.from({ length: count }, (_, at) => ({ step: from + at }));

describe('thinCurve', () => {
  it('leaves a short curve as it is', () => {
    expect(thinCurve([], 4)).toEqual([]);
    expect(thinCurve(steps(4), 4)).toEqual(steps(4));
  });

  it('keeps the first, the last and evenly spaced ones between', () => {
    expect(thinCurve(steps(101, 0), 5).map(({ step }) => step)).toEqual([0, 25, 50, 75, 100]);
  });

  it('never gives more than the limit, however uneven the steps are', () => {
    for (const limit of [2, 3, 7, 64]) {
      for (const curve of [steps(1_000), [...steps(500), ...steps(500, 100_000)], [{ step: 0 }, ...steps(90, 1e6)]]) {
        const thin = thinCurve(curve, limit);
        expect(thin.length).toBeLessThanOrEqual(limit);
        expect([thin[0], thin.at(-1)]).toEqual([curve[0], curve.at(-1)]);
        expect(thin.every(({ step }, at) => at === 0 || step > thin[at - 1]!.step)).toBe(true);
      }
    }
  });

  it('thinned as it grows stays evenly spaced', () => {
    let curve: { step: number }[] = [];
    for (let step = 1; step <= 5_000; step += 1) curve = thinCurve([...curve, { step }], 50);
    const gaps = curve.slice(1).map(({ step }, at) => step - curve[at]!.step);
    expect(curve.length).toBeGreaterThan(25);
    expect(Math.max(...gaps)).toBeLessThan(5 * (5_000 / 50));
  });
});

describe('an answer about a curve', () => {
  const point = (step: number) => ({
    step,
    epoch: 0.123456789012345,
    loss: 3.123456789012345,
    lr: 0.00019999999999999998,
    tokens: Number.MAX_SAFE_INTEGER,
    ts: 1_700_000_000_000,
  });

  it('of the most points fits a message', () => {
    const points = steps(LIMITS.curveAnswerPoints, 999_999_000).map(({ step }) => point(step));
    expect(curveAnswerSchema.safeParse({ points }).success).toBe(true);
    expect(JSON.stringify({ points }).length).toBeLessThan(LIMITS.wireMessageBytes);
    expect(curveAnswerSchema.safeParse({ points: [...points, point(1e9)] }).success).toBe(false);
  });

  it('has rising steps', () => {
    expect(curveAnswerSchema.safeParse({ points: [point(2), point(2)] }).success).toBe(false);
  });
});
