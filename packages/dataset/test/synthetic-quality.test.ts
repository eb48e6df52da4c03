import { describe, expect, it } from 'vitest';
import { augmentGenerator, measureSynthetic, type Row, syntheticReportSchema } from '../src/index.ts';
import { runNow } from '../src/slices.ts';
import { ksDistance, spreadOf } from '../src/synthetic/figures.ts';
import { boilerplateSteps, overlapSteps } from '../src/synthetic/overlap.ts';
import { rowTextsOf } from '../src/synthetic/row-texts.ts';
import { gramsOf, wordsOf } from '../src/synthetic/word-grams.ts';

const FRAME = 'Classify the mood of the following sentence as glad or sad, in one word.';
const moods: Row[] = Array.from({ length: 40 }, (_, i) => ({
  instruction: FRAME,
  input: `sentence number ${i} is about a journey to place ${i * 7}`,
  output: i % 2 ? 'glad' : 'sad',
}));
const textsOf = rowTextsOf('instruct');
const overlapOf = (row: Row, rows: readonly Row[]) =>
  runNow(overlapSteps([textsOf(row)], rows, textsOf, runNow(boilerplateSteps(rows, textsOf))))[0]!;

describe('overlap', () => {
  it('is 1 for a row that stands there, and 0 for one of the same form with words of its own', () => {
    expect(overlapOf(moods[3]!, moods)).toEqual({ seen: 1, closest: 1 });
    const fresh = { instruction: FRAME, input: 'my old dog found its ball again today', output: 'glad' };
    expect(overlapOf(fresh, moods)).toEqual({ seen: 0, closest: 0 });
  });

  it('finds a copy with a word changed, and a long answer that stands in a row under another prompt', () => {
    const story = 'once there was a fox who wanted the grapes but they hung too high so he left';
    const rows = [...moods, { instruction: 'Tell a fable about a fox', input: '', output: story }];
    const changed = { instruction: 'Tell a fable about a fox', input: '', output: story.replace('grapes', 'plums') };
    expect(overlapOf(changed, rows).closest).toBeGreaterThan(0.6);
    const question = 'Which tale of Aesop do children in every country of the world like most, and what happens in it?';
    expect(overlapOf({ instruction: question, input: '', output: story }, rows).closest).toBe(1);
    expect(overlapOf({ instruction: 'Tell a joke', input: '', output: 'a fox went shopping' }, rows).closest).toBe(0);
  });

  it('takes what is patched together from many rows as seen, not as a copy of one', () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({ instruction: `q${i}`, output: `a${i} b${i} c${i} d${i}` }));
    const patched = { instruction: 'new', output: rows.map(({ output }) => output).join(' ') };
    const found = overlapOf(patched, rows);
    expect(found.seen).toBeGreaterThan(0.4);
    expect(found.closest).toBeLessThan(0.1);
  });

  it('knows words of any script', () => {
    expect(wordsOf('Ärger über Œuvre-Nr. 7')).toEqual(['ärger', 'über', 'œuvre', 'nr', '7']);
    expect(gramsOf(wordsOf('我喜欢猫'))).toEqual(['我 喜 欢', '喜 欢 猫']);
    expect(wordsOf('+ =')).toEqual(['+', '=']);
    expect(gramsOf(wordsOf(''))).toEqual([]);
  });
});

it('figures', () => {
  expect(spreadOf([4, 1, 3, 2])).toEqual({ mean: 2.5, p10: 1, p50: 2, p90: 4, max: 4 });
  expect(spreadOf([])).toEqual({ mean: 0, p10: 0, p50: 0, p90: 0, max: 0 });
  expect(ksDistance([1, 2, 3], [1, 2, 3])).toBe(0);
  expect(ksDistance([1, 2], [3, 4])).toBe(1);
  expect(ksDistance([1, 2, 3, 4], [1, 2, 3, 9])).toBe(0.25);
  expect(ksDistance([], [1])).toBe(1);
});

describe('the report', () => {
  const definitions: Row[] = Array.from({ length: 120 }, (_, i) => ({
    instruction: `What does "word${i}" mean?`,
    input: 'noun',
    output: `a large thing or tree number ${i}, used in town ${i * 3}; found in water ${i}`,
  }));
  const [train, test] = [definitions.slice(20), definitions.slice(0, 20)];
  const args = { rows: train, type: 'instruct', seed: new Uint8Array(32).fill(1), count: 50, avoid: test } as const;

  it('of augmented rows counts and measures, and holds no text of a row', async () => {
    const { rows, account } = await augmentGenerator.generate(args);
    expect(account).toMatchObject({ generator: 'augment', asked: 50, accepted: 50, filled: 0, shortfall: 0 });
    expect(account.proposed).toBe(50 + Object.values(account.refused).reduce((sum, n) => sum + n, 0));
    const report = await measureSynthetic({ type: 'instruct', train, test, synthetic: rows, account });
    expect(syntheticReportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    const { quality } = report;
    expect(quality.novelty.train.exact).toBe(0);
    expect(quality.novelty.test.exact).toBe(0);
    // Edited train rows are near their source and far from the test rows.
    expect(quality.novelty.train.closest.p50).toBeGreaterThan(quality.novelty.test.closest.p50);
    expect(quality.length.answer.ks).toBeLessThan(0.6);
    expect(JSON.stringify(report)).not.toMatch(/word\d|thing|town/);
  });

  it('tells copies, repetition and other lengths', async () => {
    const { account } = await augmentGenerator.generate({ ...args, count: 0 });
    const bad = [...train.slice(0, 10), ...Array.from({ length: 10 }, () => ({ ...test[0], output: 'zz yy xx ww' }))];
    const { quality } = await measureSynthetic({ type: 'instruct', train, test, synthetic: bad, account });
    expect(quality.novelty.train).toMatchObject({ exact: 10, seen: { max: 1 }, closest: { max: 1 } });
    expect(quality.novelty.test.exact).toBe(0);
    expect(quality.diversity.selfOverlap.p90).toBe(1);
    expect(quality.diversity.synthetic.distinct2).toBeLessThan(quality.diversity.train.distinct2);
    expect(quality.length.answer.ks).toBe(0.5);
  });

  it('of no rows is all zero, and stops on abort', async () => {
    const { account } = await augmentGenerator.generate({ ...args, count: 0 });
    const none = { type: 'instruct', train, test, synthetic: [], account } as const;
    expect((await measureSynthetic(none)).quality).toMatchObject({ rows: 0, acceptedShare: 0 });
    await expect(measureSynthetic(none, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});
