import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { measureRows } from '../../src/measure/measure-rows.ts';
import { trainModel } from '../../src/train/index.ts';
import { hyperparameters, randomRows, smallLora } from './small-model.ts';

const VECTORS = join(import.meta.dirname, '../vectors/families');
const base = { repo: 'demo/family', revision: 'a'.repeat(40) };
const rows = randomRows(24, 20, 71);

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'family-training-'));
});
afterEach(() => rm(dir, { recursive: true }));

// What the plain operators trained must be what the fused kernels measure.
it.each([
  ['mistral', smallLora],
  ['qwen2', smallLora],
  ['qwen3', smallLora],
  ['smollm3', smallLora],
  ['gemma3', smallLora],
  ['gemma2', undefined],
  ['phi3', undefined],
  ['gpt-neox', undefined],
  ['gpt2', undefined],
] as const)('%s: a trained model is measured with the loss that it was trained to', async (name, lora) => {
  const baseDir = join(VECTORS, name);
  const recipe = hyperparameters({ lora, epochs: 5, learningRate: lora ? 2e-2 : 5e-3 });
  const before = await measureRows({ baseDir, weights: { kind: 'full', dir: baseDir }, rows });
  const { steps, finalLoss } = await trainModel({
    baseDir,
    base,
    rows,
    recipe,
    outDir: dir,
    seed: 5,
    onStep: () => {},
  });
  expect(steps).toBe(30);
  const model = join(dir, 'model');
  const weights = lora ? { kind: 'adapter' as const, baseDir, dir: model } : { kind: 'full' as const, dir: model };
  const after = await measureRows({ baseDir, weights, rows });
  expect(after.summary.loss).toBeLessThan(before.summary.loss - 1);
  expect(Math.abs(after.summary.loss - finalLoss)).toBeLessThan(1);
});
