import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { negativeLog2 } from '../src/draw.ts';
import { drawOrder, drawWeight, RULES } from '../src/index.ts';

const blockHash = `0x${'5a'.repeat(32)}`;
const eligibleArb = fc
  .array(fc.double({ min: 0.001, max: 1000, noNaN: true }), { minLength: 1, maxLength: 20 })
  .map((weights) => weights.map((weight, uid) => ({ uid, hotkey: `hotkey-${uid}`, weight })));
const taskArb = fc.stringMatching(/^[0-9a-f]{16}$/);

describe('drawOrder', () => {
  it('does not depend on the order of the eligible', () => {
    fc.assert(
      fc.property(eligibleArb, taskArb, (eligible, taskId) => {
        const order = drawOrder({ eligible, blockHash, taskId });
        expect(drawOrder({ eligible: [...eligible].reverse(), blockHash, taskId })).toEqual(order);
        expect([...order].sort()).toEqual(eligible.map(({ hotkey }) => hotkey).sort());
      }),
    );
  });

  it('keeps the order of the others when one leaves', () => {
    fc.assert(
      fc.property(eligibleArb, taskArb, fc.nat(), (eligible, taskId, pick) => {
        const gone = eligible[pick % eligible.length]!.hotkey;
        const order = drawOrder({ eligible, blockHash, taskId });
        const rest = drawOrder({ eligible: eligible.filter(({ hotkey }) => hotkey !== gone), blockHash, taskId });
        expect(rest).toEqual(order.filter((hotkey) => hotkey !== gone));
      }),
    );
  });

  it('does not change when all weights grow by the same factor', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 900 }), taskArb, (units, factor, taskId) => {
        const list = (scale: number) =>
          units.map((unit, uid) => ({ uid, hotkey: `hotkey-${uid}`, weight: (unit * scale) / RULES.drawWeightUnits }));
        expect(drawOrder({ eligible: list(factor), blockHash, taskId })).toEqual(
          drawOrder({ eligible: list(1), blockHash, taskId }),
        );
      }),
    );
  });

  it('never moves a hotkey back when its weight grows', () => {
    fc.assert(
      fc.property(eligibleArb, taskArb, fc.double({ min: 1, max: 50, noNaN: true }), (eligible, taskId, factor) => {
        const raised = eligible.map((entry) => (entry.uid === 0 ? { ...entry, weight: entry.weight * factor } : entry));
        const before = drawOrder({ eligible, blockHash, taskId }).indexOf('hotkey-0');
        expect(drawOrder({ eligible: raised, blockHash, taskId }).indexOf('hotkey-0')).toBeLessThanOrEqual(before);
      }),
    );
  });

  it('draws first in proportion to the weights', () => {
    const eligible = [1, 2, 5].map((weight, uid) => ({ uid, hotkey: `hotkey-${uid}`, weight }));
    const first = [0, 0, 0];
    const draws = 3_000;
    for (let i = 0; i < draws; i += 1) {
      first[Number(drawOrder({ eligible, blockHash, taskId: String(i) })[0]!.slice(7))]! += 1;
    }
    for (const [uid, share] of [1 / 8, 2 / 8, 5 / 8].entries()) {
      // Five standard errors; the seeds are fixed, so this cannot flicker.
      const slack = 5 * Math.sqrt((share * (1 - share)) / draws);
      expect(Math.abs(first[uid]! / draws - share), `uid ${uid}`).toBeLessThan(slack);
    }
  });

  it('changes with the block and with the task', () => {
    const eligible = Array.from({ length: 16 }, (_, uid) => ({ uid, hotkey: `hotkey-${uid}`, weight: 1 }));
    const order = drawOrder({ eligible, blockHash, taskId: 'a' });
    expect(drawOrder({ eligible, blockHash, taskId: 'b' })).not.toEqual(order);
    expect(drawOrder({ eligible, blockHash: `0x${'5b'.repeat(32)}`, taskId: 'a' })).not.toEqual(order);
  });

  it('never draws weight 0 and refuses what is not a weight', () => {
    const one = (weight: number) => drawOrder({ eligible: [{ uid: 0, hotkey: 'a', weight }], blockHash, taskId: 't' });
    expect(one(0)).toEqual([]);
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2e9]) expect(() => one(bad)).toThrow(RangeError);
    const twice = [1, 2].map((uid) => ({ uid, hotkey: 'a', weight: 1 }));
    expect(() => drawOrder({ eligible: twice, blockHash, taskId: 't' })).toThrow('listed twice');
    expect(drawOrder({ eligible: [], blockHash, taskId: 't' })).toEqual([]);
  });

  it('agrees with the floating-point logarithm', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 64n }), (x) => {
        expect(Number(negativeLog2(x)) / 2 ** 64).toBeCloseTo(64 - Math.log2(Number(x)), 9);
      }),
    );
  });
});

describe('drawWeight', () => {
  it('is 1 for newcomers, the mean for others, and never below the floor', () => {
    expect(drawWeight([])).toBe(1);
    expect(drawWeight([1, 0.5])).toBe(0.75);
    expect(drawWeight([0, 0, 0])).toBe(RULES.minDrawWeight);
    expect(drawWeight([Number.NaN, -3, 5])).toBeCloseTo(1 / 3, 12);
  });

  it('does not depend on the order of the scores', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (scores) => {
        expect(drawWeight([...scores].reverse())).toBe(drawWeight(scores));
      }),
    );
  });
});
