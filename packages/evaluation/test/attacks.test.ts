import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadWeights, modelTensors } from '@tuning/llm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FINE_TUNING, MODEL, pretrain } from './tiny-models.ts';
import { textRows } from './training-runs.ts';

/** The experiments are plain JavaScript: they run without vitest too. Here a part of them, on a smaller model. */
const experiment = (name: string) => import(join(import.meta.dirname, '..', 'experiments', `${name}.js`));
const { measure } = await experiment('field');
const { honestField, honestFigures } = await experiment('honest');
const { attacksOnBase, attacksOnSubmission, judgeAttack } = await experiment('dishonest');

let root: string;
let field: Record<string, unknown>;
let models: { loss: number }[];
let baseLoss: number;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'attacks-'));
  const baseDir = await pretrain(root, 1);
  const rows = await textRows(baseDir, FINE_TUNING);
  const data = { questions: rows.slice(0, 80), 'other-questions': rows.slice(40, 104), text: rows.slice(0, 80) };
  const base = await loadWeights(MODEL, { kind: 'full', dir: baseDir });
  field = { baseDir, config: MODEL, shapes: modelTensors(MODEL), base, data, test: rows.slice(104) };
  const measured = await measure(field, base);
  field.baseRows = measured.rows;
  baseLoss = measured.loss;
  models = await honestField(field, 10, { epochs: false });
}, 120_000);
afterAll(() => rm(root, { recursive: true }));

test('honest fine-tunes by random recipes are no copies and not refused', () => {
  const figures = honestFigures(models, field.baseRows, 100);
  expect(figures).toMatchObject({ models: 10, refused: 0, calledCopiesInPairs: 0 });
  expect(figures.groupsOfFour.calledCopies).toBe(0);
  expect(figures.twins.pairs).toBe(2);
});

describe('the base in disguise', () => {
  test.each([
    ['the base itself', 'identical_to_base'],
    ['the base, every matrix × 1.1', 'identical_to_base'],
    ['noise of 1e-7', 'identical_to_base'],
    ['neurons in another order', 'unrelated_weights'],
    ['residual stream in another order', 'unrelated_weights'],
    ['one matrix of another model', 'unrelated_weights'],
    ['another model (another seed)', 'unrelated_weights'],
  ])('%s: %s', async (name, verdict) => {
    expect((await judgeAttack(field, attacksOnBase(field)[name], [], baseLoss)).verdict).toBe(verdict);
  });

  test.each(['norms scaled by up to 2, undone in the matrices', 'noise of 1e-4'])('%s gains nothing', async (name) => {
    const { verdict, lossGain } = await judgeAttack(field, attacksOnBase(field)[name], [], baseLoss);
    expect(verdict).toBe('accepted');
    expect(lossGain).toBeLessThan(1e-3);
  });
});

describe('another’s submission in disguise', () => {
  let attacks: Record<string, Map<string, Float32Array>>;
  let group: { loss: number }[];
  beforeAll(async () => {
    const useful = [...models].sort((a, b) => a.loss - b.loss);
    group = useful.slice(0, 2);
    attacks = await attacksOnSubmission(field, group[0], group[1]);
  }, 60_000);

  test.each([
    ['a bit-equal copy', /^copy_of_another/],
    ['copy + noise of 0.1 of its change', /^copy_of_another/],
    ['copy, its change × 0.9', /^copy_of_another/],
    ['copy, every matrix × 1.05', /^copy_of_another/],
    ['copy, 1 step further', /^copy_of_another/],
    ['copy, norms scaled by up to 2, undone', /^copy_of_another \(behaviour\)/],
    ['half of it, half of another', /^copy_of_another/],
    ['copy, heads in another order', /^(copy_of_another|unrelated_weights)/],
    ['copy, to 4 bits and back', /^accepted/],
  ])('%s: %s', async (name, verdict) => {
    expect((await judgeAttack(field, attacks[name], group, group[0]!.loss)).verdict).toMatch(verdict);
  });
});
