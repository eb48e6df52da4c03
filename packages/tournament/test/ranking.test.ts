import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chanceBetter, type Finalist, passGate, RULES, rankFinalists, splitByBase } from '../src/index.ts';

/** A finalist whose row i loses `level + spread * wave(i)` nats per token. */
function finalist(hotkey: string, level: number, block: number, options: { spread?: number; phase?: number } = {}) {
  const rows = 40;
  const tokens = Array.from({ length: rows }, (_, i) => 4 + (i % 9));
  const sumNll = tokens.map((count, i) =>
    Math.max(0, count * (level + (options.spread ?? 0) * Math.sin(i * 1.7 + (options.phase ?? 0)))),
  );
  const loss = sumNll.reduce((sum, nll) => sum + nll, 0) / tokens.reduce((sum, count) => sum + count, 0);
  return { hotkey, block, loss, rows: { row: tokens.map((_, i) => i), sumNll, tokens } } satisfies Finalist;
}
const hotkeys = (entries: readonly { hotkey: string }[]) => entries.map(({ hotkey }) => hotkey);
const seed = '0123456789abcdef';

describe('passGate', () => {
  it('passes ceil(3n/4) of n', () => {
    const passed = (n: number) =>
      passGate(Array.from({ length: n }, (_, i) => ({ hotkey: `h${i}`, loss: 1 + i, block: i }))).length;
    expect([0, 1, 2, 3, 4, 5, 8, 16].map(passed)).toEqual([0, 1, 2, 3, 3, 4, 6, 12]);
  });

  it('breaks a tie at the border by the earlier block', () => {
    const entries = [
      { hotkey: 'a', loss: 1, block: 9 },
      { hotkey: 'b', loss: 2, block: 9 },
      { hotkey: 'late', loss: 3, block: 8 },
      { hotkey: 'early', loss: 3, block: 7 },
    ];
    expect(passGate(entries)).toEqual(['a', 'b', 'early']);
  });

  it('does not count losses that are not finite', () => {
    const entries = [Number.NaN, Number.POSITIVE_INFINITY, 2, 1].map((loss, i) => ({ hotkey: `h${i}`, loss }));
    expect(passGate(entries)).toEqual(['h3', 'h2']);
  });

  it('passes the same ones whatever the order and the scale', () => {
    const losses = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 16 });
    fc.assert(
      fc.property(losses, (values) => {
        const entries = values.map((loss, i) => ({ hotkey: `h${i}`, loss, block: i % 3 }));
        expect(passGate([...entries].reverse())).toEqual(passGate(entries));
        expect(passGate(entries.map((entry) => ({ ...entry, loss: entry.loss * 8 })))).toEqual(passGate(entries));
      }),
    );
  });
});

describe('chanceBetter', () => {
  it('is one half for equal models, 0 and 1 for clear differences', () => {
    const [low, high] = [finalist('low', 1, 1), finalist('high', 2, 1)];
    expect(chanceBetter(low.rows, low.rows, seed)).toBe(0.5);
    expect(chanceBetter(low.rows, high.rows, seed)).toBe(0);
    expect(chanceBetter(high.rows, low.rows, seed)).toBe(1);
  });

  it('comes near the normal approximation', () => {
    const leader = finalist('leader', 1, 1);
    const challenger = finalist('challenger', 1.02, 1, { spread: 0.08 });
    const d = leader.rows.sumNll.map((nll, i) => challenger.rows.sumNll[i]! - nll);
    const mean = d.reduce((sum, x) => sum + x, 0) / d.length;
    const deviation = Math.sqrt(d.reduce((sum, x) => sum + (x - mean) ** 2, 0) / d.length);
    const z = (Math.sqrt(d.length) * mean) / deviation;
    // Logistic approximation of the normal tail, good to 0.01.
    const expected = 1 / (1 + Math.exp(1.5976 * z + 0.07056 * z ** 3));
    expect(Math.abs(chanceBetter(leader.rows, challenger.rows, seed) - expected)).toBeLessThan(0.04);
  });

  it('refuses measurements of different rows', () => {
    const { rows } = finalist('a', 1, 1);
    expect(() => chanceBetter(rows, { ...rows, row: rows.row.map((row) => row + 1) }, seed)).toThrow('position 0');
    expect(() => chanceBetter(rows, { ...rows, sumNll: rows.sumNll.slice(1) }, seed)).toThrow('number of rows');
    expect(() => chanceBetter({ row: [], sumNll: [], tokens: [] }, rows, seed)).toThrow('at least one row');
    const broken = { ...rows, sumNll: rows.sumNll.map((nll, i) => (i === 3 ? Number.NaN : nll)) };
    expect(() => chanceBetter(rows, broken, seed)).toThrow('position 3');
  });
});

describe('rankFinalists', () => {
  it('ranks clear differences by loss, whatever the blocks', () => {
    const entries = [finalist('third', 1.3, 1), finalist('first', 1.1, 3), finalist('second', 1.2, 2)];
    const ranked = rankFinalists({ entries, baseLoss: 2, seed });
    expect(ranked.map(({ hotkey, rank }) => [hotkey, rank])).toEqual([
      ['first', 1],
      ['second', 2],
      ['third', 3],
    ]);
    expect(ranked[0]).not.toHaveProperty('tieChance');
    expect(ranked[1]!.tieChance).toBeLessThan(RULES.tieChance);
  });

  it('gives a tie to the earlier commitment', () => {
    const entries = [finalist('retouched', 1.1, 20), finalist('original', 1.101, 10, { spread: 0.1 })];
    const ranked = rankFinalists({ entries, baseLoss: 2, seed });
    expect(hotkeys(ranked)).toEqual(['original', 'retouched']);
    expect(ranked[0]!.tieChance).toBeGreaterThanOrEqual(RULES.tieChance);
  });

  it('compares with the leader of the group, so that ties do not chain', () => {
    const at = (hotkey: string, level: number, block: number) => finalist(hotkey, level, block, { spread: 0.05 });
    const leader = finalist('leader', 1, 30);
    const middle = at('middle', 1.008, 20);
    const last = finalist('last', 1.016, 10);
    expect(chanceBetter(middle.rows, last.rows, seed)).toBeGreaterThan(RULES.tieChance);
    // `last` ties with `middle`, not with the leader: it must not climb to the top through `middle`.
    const ranked = rankFinalists({ entries: [leader, middle, last], baseLoss: 2, seed });
    expect(hotkeys(ranked)).toEqual(['middle', 'leader', 'last']);
  });

  it('leaves out those that are not better than the base, equal included', () => {
    const equal = finalist('equal', 1.5, 1);
    const broken = { ...finalist('broken', 1, 1), loss: Number.NaN };
    const entries = [finalist('worse', 1.6, 1), finalist('better', 1.4, 1), equal, broken];
    expect(hotkeys(rankFinalists({ entries, baseLoss: equal.loss, seed }))).toEqual(['better']);
    expect(hotkeys(splitByBase(entries, equal.loss).notBetter)).toEqual(['equal', 'worse', 'broken']);
    expect(rankFinalists({ entries, baseLoss: Number.NaN, seed })).toEqual([]);
  });

  it('handles nobody and one alone', () => {
    expect(rankFinalists({ entries: [], baseLoss: 2, seed })).toEqual([]);
    expect(rankFinalists({ entries: [finalist('only', 1, 1)], baseLoss: 2, seed })).toMatchObject([{ rank: 1 }]);
  });

  it('gives the same ranks whatever the order and for losses scaled by a power of two', () => {
    const field = fc.array(
      fc.record({ level: fc.integer({ min: 100, max: 130 }), block: fc.nat(5), phase: fc.nat(6) }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(field, (values) => {
        const entries = values.map(({ level, block, phase }, i) =>
          finalist(`h${i}`, level / 100, block, { spread: 0.05, phase }),
        );
        const ranked = rankFinalists({ entries, baseLoss: 1.25, seed });
        expect(rankFinalists({ entries: [...entries].reverse(), baseLoss: 1.25, seed })).toEqual(ranked);
        const scaled = entries.map((entry) => ({
          ...entry,
          loss: entry.loss * 4,
          rows: { ...entry.rows, sumNll: entry.rows.sumNll.map((nll) => nll * 4) },
        }));
        expect(hotkeys(rankFinalists({ entries: scaled, baseLoss: 5, seed }))).toEqual(hotkeys(ranked));
        expect(ranked.map(({ rank }) => rank)).toEqual(ranked.map((_, i) => i + 1));
      }),
      { numRuns: 40 },
    );
  });

  it('never ranks a clearly better model lower', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 10, max: 19 }), { minLength: 1, maxLength: 6 }), (levels) => {
        const entries = levels.map((level, i) => finalist(`h${i}`, level / 10, i));
        const place = (list: Finalist[]) =>
          rankFinalists({ entries: list, baseLoss: 2, seed }).find(({ hotkey }) => hotkey === 'h0')!.rank;
        const improved = [finalist('h0', levels[0]! / 10 - 0.1, 0), ...entries.slice(1)];
        expect(place(improved)).toBeLessThanOrEqual(place(entries));
      }),
      { numRuns: 40 },
    );
  });

  it('refuses a hotkey listed twice', () => {
    const entries = [finalist('a', 1, 1), finalist('a', 1.1, 2)];
    expect(() => rankFinalists({ entries, baseLoss: 2, seed })).toThrow('listed twice');
  });
});
