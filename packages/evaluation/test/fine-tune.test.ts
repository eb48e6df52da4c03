import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compareWeights,
  loadWeights,
  type ModelWeights,
  openSafetensors,
  type TrainingHyperparameters,
} from '@tuning/llm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gaussianOf } from '../../llm/test/reference-model.ts';
import { checkChanged, checkFineTune } from '../src/fine-tune.ts';
import { FINE_TUNING, LORA, MODEL, pretrain } from './tiny-models.ts';
import { textRows, train } from './training-runs.ts';

let root: string;
let baseDir: string;
let base: ModelWeights;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fine-tune-'));
  baseDir = await pretrain(root, 1);
  base = await loadWeights(MODEL, { kind: 'full', dir: baseDir });
}, 60_000);
afterAll(() => rm(root, { recursive: true }));

async function compare(weights: ModelWeights) {
  const store = await openSafetensors(baseDir);
  const comparison = await compareWeights(MODEL, store, weights);
  await store.close();
  return comparison;
}

let runs = 0;
async function fineTune(recipe: Partial<TrainingHyperparameters>) {
  const rows = await textRows(baseDir, FINE_TUNING);
  return train(MODEL, { baseDir, rows, outDir: join(root, `run-${runs++}`), recipe });
}

test.each<[string, Partial<TrainingHyperparameters>]>([
  ['full, ordinary learning rate', { learningRate: 1e-3 }],
  ['full, thirty times that', { learningRate: 3e-2 }],
  ['one careful step', { learningRate: 1e-6, maxSteps: 1, warmup: { steps: 0 } }],
  ['a LoRA merged into a full model, moved far', { learningRate: 2e-2, lora: LORA }],
])(
  'a real fine-tune passes: %s',
  async (_, recipe) => {
    const { weights } = await fineTune(recipe);
    expect(checkFineTune(await compare(weights))).toBeUndefined();
  },
  30_000,
);

test('a model trained on the same data from other random weights is unrelated', async () => {
  const other = await loadWeights(MODEL, { kind: 'full', dir: await pretrain(root, 2) });
  const verdict = checkFineTune(await compare(other));
  expect(verdict).toMatchObject({ code: 'unrelated_weights', evidence: { matrices: 15 } });
  expect(Math.abs(verdict!.evidence!['medianCosine'] as number)).toBeLessThan(0.05);
}, 30_000);

test('shrinking an unrelated model, so that its relative change is small, does not help', async () => {
  const gaussian = gaussianOf(9);
  const faint = new Map([...base].map(([name, data]) => [name, data.map(() => 1e-4 * gaussian())]));
  const comparison = await compare(faint);
  expect(comparison.relative).toBeLessThan(1.01);
  expect(checkFineTune(comparison)).toMatchObject({ code: 'unrelated_weights' });
});

test('the base itself, and the base with rounding noise, is identical', async () => {
  expect(checkFineTune(await compare(base))).toMatchObject({
    code: 'identical_to_base',
    evidence: { relativeChange: 0, changedTensors: 0 },
  });
  const noisy = new Map([...base].map(([name, data]) => [name, data.map((value) => value * (1 + 1e-7))]));
  expect(checkChanged(await compare(noisy))).toMatchObject({ code: 'identical_to_base' });
});
