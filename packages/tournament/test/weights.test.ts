import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decayAt, RULES, type ScoreRecord, scoreTask, taskOutcome, windowWeights, workOf } from '../src/index.ts';

const nowBlock = 100_000;
const recordsArb = fc
  .uniqueArray(
    fc.record({
      task: fc.nat(6),
      miner: fc.nat(5),
      score: fc.double({ min: 0, max: 1, noNaN: true }),
      work: fc.double({ min: 1, max: 8, noNaN: true }),
      age: fc.integer({ min: 0, max: 60_000 }),
    }),
    { selector: ({ task, miner }) => `${task}/${miner}`, maxLength: 30 },
  )
  .map((rows) =>
    rows.map(
      ({ task, miner, score, work, age }): ScoreRecord => ({
        taskId: `task-${task}`,
        hotkey: `hotkey-${miner}`,
        score,
        work,
        block: nowBlock - age,
      }),
    ),
  );
const registered = Array.from({ length: 6 }, (_, i) => `hotkey-${i}`);
const weightOf = (scores: readonly ScoreRecord[], hotkey: string) =>
  windowWeights({ scores, registered, nowBlock }).find((entry) => entry.hotkey === hotkey)?.weight ?? 0;

describe('scoreTask', () => {
  const ranked = [
    { hotkey: 'a', rank: 1, loss: 1.5 },
    { hotkey: 'b', rank: 2, loss: 1.6 },
    { hotkey: 'c', rank: 3, loss: 1.98 },
  ];

  it('multiplies placement by gain and gives the unranked 0', () => {
    const scores = scoreTask({ ranked, baseLoss: 2, group: ['d', 'a', 'b', 'c', 'd'] });
    expect(scores.map(({ hotkey }) => hotkey)).toEqual(['a', 'b', 'c', 'd']);
    expect(scores.map(({ score }) => score)).toEqual([1, 0.5, 0.25 * ((2 - 1.98) / 2 / 0.05), 0]);
  });

  it('pays a better loss never less, and the same whatever the scale of losses', () => {
    const loss = fc.integer({ min: 1, max: 3_000 });
    fc.assert(
      fc.property(loss, loss, fc.integer({ min: 1, max: 4 }), (first, second, rank) => {
        const score = (value: number, scale: number) =>
          scoreTask({ ranked: [{ hotkey: 'a', rank, loss: (value / 1_000) * scale }], baseLoss: 2 * scale })[0]!.score;
        expect(score(Math.min(first, second), 1)).toBeGreaterThanOrEqual(score(Math.max(first, second), 1));
        expect(score(first, 16)).toBe(score(first, 1));
        expect(score(first, 1)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('is 0, not NaN, for bases that cannot be improved', () => {
    for (const baseLoss of [0, Number.NaN, Number.POSITIVE_INFINITY, -1]) {
      expect(scoreTask({ ranked: [{ hotkey: 'a', rank: 1, loss: 0 }], baseLoss })[0]!.score).toBe(0);
    }
  });

  it('names how a task ended', () => {
    expect(taskOutcome({ accepted: 0, ranked: 0 })).toBe('no_accepted_submission');
    expect(taskOutcome({ accepted: 3, ranked: 0 })).toBe('none_better_than_base');
    expect(taskOutcome({ accepted: 1, ranked: 1 })).toBe('single_submission');
    expect(taskOutcome({ accepted: 4, ranked: 2 })).toBe('ranked');
  });
});

describe('workOf', () => {
  it('stays between 1 and 8 and grows with tokens and parameters', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (tokens, more, parameters) => {
        const work = workOf({ rows: 1, tokens, parameters });
        expect(work).toBeGreaterThanOrEqual(RULES.minWork);
        expect(work).toBeLessThanOrEqual(RULES.maxWork);
        expect(workOf({ rows: 1, tokens: tokens + more, parameters })).toBeGreaterThanOrEqual(work);
      }),
    );
    expect(workOf({ rows: 4_000, parameters: 3e9 })).toBeCloseTo(Math.sqrt(4_000 * 256 * 3e9 * 1e-14), 12);
    expect(workOf({ rows: 1, tokens: Number.NaN, parameters: 1 })).toBe(1);
    expect(workOf({ rows: 1, tokens: Number.POSITIVE_INFINITY, parameters: 1 })).toBe(8);
  });
});

describe('windowWeights', () => {
  it('adds up to 1, or is empty', () => {
    fc.assert(
      fc.property(recordsArb, (scores) => {
        const weights = windowWeights({ scores, registered, nowBlock });
        const total = weights.reduce((sum, { weight }) => sum + weight, 0);
        if (weights.length > 0) expect(total).toBeCloseTo(1, 12);
        for (const { weight } of weights) expect(weight).toBeGreaterThan(0);
      }),
    );
  });

  it('does not depend on the order of results or of registrations', () => {
    fc.assert(
      fc.property(recordsArb, (scores) => {
        expect(
          windowWeights({ scores: [...scores].reverse(), registered: [...registered].reverse(), nowBlock }),
        ).toEqual(windowWeights({ scores, registered, nowBlock }));
      }),
    );
  });

  it('does not change when all scores shrink by the same power of two', () => {
    fc.assert(
      fc.property(recordsArb, (all) => {
        // Without subnormal numbers, which lose bits when halved.
        const scores = all.map((record) => ({ ...record, score: record.score < 1e-9 ? 0 : record.score }));
        const halved = scores.map((record) => ({ ...record, score: record.score / 4 }));
        expect(windowWeights({ scores: halved, registered, nowBlock })).toEqual(
          windowWeights({ scores, registered, nowBlock }),
        );
      }),
    );
  });

  it('never lowers a weight when a score rises', () => {
    fc.assert(
      fc.property(recordsArb, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (scores, pick, rise) => {
        fc.pre(scores.length > 0);
        const chosen = scores[pick % scores.length]!;
        const raised = scores.map((record) => (record === chosen ? { ...record, score: record.score + rise } : record));
        expect(weightOf(raised, chosen.hotkey)).toBeGreaterThanOrEqual(weightOf(scores, chosen.hotkey) - 1e-12);
      }),
    );
  });

  it('gives departed hotkeys nothing and their share to the others', () => {
    const scores = ['hotkey-0', 'hotkey-1', 'gone'].map((hotkey) => ({
      taskId: 't',
      hotkey,
      score: 1,
      work: 1,
      block: nowBlock,
    }));
    expect(windowWeights({ scores, registered, nowBlock })).toEqual([
      { hotkey: 'hotkey-0', weight: 0.5 },
      { hotkey: 'hotkey-1', weight: 0.5 },
    ]);
  });

  it('fades results with age and weighs work', () => {
    const record = (hotkey: string, taskId: string, score: number, work: number, age: number) => ({
      taskId,
      hotkey,
      score,
      work,
      block: nowBlock - age,
    });
    expect(decayAt(nowBlock, nowBlock)).toBe(1);
    expect(decayAt(nowBlock - RULES.windowBlocks / 2, nowBlock)).toBe(0.5);
    expect(decayAt(nowBlock - RULES.windowBlocks, nowBlock)).toBe(0);
    expect(decayAt(nowBlock + 1, nowBlock)).toBe(0);
    const aged = [record('hotkey-0', 'a', 1, 1, 0), record('hotkey-1', 'b', 1, 1, 40_000)];
    expect(weightOf(aged, 'hotkey-0')).toBeGreaterThan(weightOf(aged, 'hotkey-1'));
    // Winning the big task and losing the small one beats the reverse.
    const mixed = [
      record('hotkey-0', 'big', 1, 8, 0),
      record('hotkey-0', 'small', 0.5, 1, 0),
      record('hotkey-1', 'big', 0.5, 8, 0),
      record('hotkey-1', 'small', 1, 1, 0),
    ];
    expect(weightOf(mixed, 'hotkey-0')).toBeGreaterThan(weightOf(mixed, 'hotkey-1'));
    // A failed task costs: the mean counts it.
    const failed = [...aged, record('hotkey-0', 'c', 0, 4, 0)];
    expect(weightOf(failed, 'hotkey-0')).toBeLessThan(weightOf(aged, 'hotkey-0'));
  });

  it('is empty without any score, and takes nonsense as 0', () => {
    expect(windowWeights({ scores: [], registered, nowBlock })).toEqual([]);
    const bad = [Number.NaN, -1, Number.POSITIVE_INFINITY, 0].map((score, i) => ({
      taskId: `t${i}`,
      hotkey: 'hotkey-0',
      score,
      work: 1,
      block: nowBlock,
    }));
    expect(windowWeights({ scores: bad, registered, nowBlock })).toEqual([]);
    const good = { taskId: 'ok', hotkey: 'hotkey-1', score: 0.5, work: 1, block: nowBlock };
    const noWork = { taskId: 'x', hotkey: 'hotkey-0', score: 1, work: Number.NaN, block: nowBlock };
    expect(windowWeights({ scores: [...bad, good, noWork], registered, nowBlock })).toEqual([
      { hotkey: 'hotkey-1', weight: 1 },
    ]);
  });

  it('refuses two results of one hotkey in one task', () => {
    const record = { taskId: 't', hotkey: 'hotkey-0', score: 1, work: 1, block: nowBlock };
    expect(() => windowWeights({ scores: [record, record], registered, nowBlock })).toThrow('two results');
  });
});
