import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CurvePoint } from '@tuning/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../src/config/model-config.ts';
import { measureRows } from '../../src/measure/measure-rows.ts';
import { writeSafetensors } from '../../src/safetensors/write.ts';
import { type TrainingHyperparameters, trainModel } from '../../src/train/index.ts';
import { freshModel } from '../../src/train/initial-weights.ts';
import { hyperparameters, randomRows, smallLora } from './small-model.ts';

const base = { repo: 'demo/small', revision: 'a'.repeat(40) };
const configJson = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 97,
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 16,
  intermediate_size: 48,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  bos_token_id: 0,
  eos_token_id: 0,
};
const rows = randomRows(30, 20, 97);
const loraRecipe = hyperparameters({
  lora: { ...smallLora, dropout: 0.1 },
  gradientAccumulationSteps: 2,
  learningRate: 1e-2,
});

let dir: string;
let baseDir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'train-model-'));
  baseDir = join(dir, 'base');
  await mkdir(baseDir);
  await writeFile(join(baseDir, 'config.json'), JSON.stringify(configJson));
  await writeFile(join(baseDir, 'tokenizer.json'), '{}');
  const tensors = freshModel(await readModelConfig(baseDir), 1);
  await writeSafetensors(
    join(baseDir, 'model.safetensors'),
    tensors.map(({ name, dims, values }) => ({ name, shape: dims, dtype: 'BF16' as const, data: values })),
  );
});
afterEach(() => rm(dir, { recursive: true }));

async function train(
  name: string,
  recipe: TrainingHyperparameters,
  options: { threads?: number; stopAt?: number; resume?: boolean; seed?: number } = {},
) {
  const points: CurvePoint[] = [];
  const { stopAt, ...rest } = options;
  const result = await trainModel({
    baseDir,
    base,
    rows,
    recipe,
    outDir: join(dir, name),
    seed: 5,
    onStep: (point) => points.push(point),
    shouldStop: () => points.at(-1)?.step === stopAt,
    ...rest,
  });
  return { result, points: points.map(({ ts: _ts, ...point }) => point) };
}

const bytesOf = (name: string, file: string) => readFile(join(dir, name, 'model', file));

describe.each([
  ['full', hyperparameters(), 'model.safetensors'],
  ['LoRA with dropout and accumulation', loraRecipe, 'adapter_model.safetensors'],
  ['full, packed', hyperparameters({ packing: true, microBatchSize: 2 }), 'model.safetensors'],
] as const)('%s', (_name, recipe, file) => {
  it('gives the same bytes when stopped and resumed, and with two threads', async () => {
    const whole = await train('whole', recipe);
    const first = await train('stopped', recipe, { stopAt: 3 });
    expect(first.result).toMatchObject({ stopped: true, steps: 3 });
    const second = await train('stopped', recipe, { resume: true });
    expect([...first.points, ...second.points]).toEqual(whole.points);
    await expect(access(join(dir, 'stopped', 'checkpoint'))).rejects.toMatchObject({ code: 'ENOENT' });
    const threaded = await train('threaded', recipe, { threads: 2 });
    expect(threaded.points).toEqual(whole.points);
    const bytes = await bytesOf('whole', file);
    expect((await bytesOf('stopped', file)).equals(bytes)).toBe(true);
    expect((await bytesOf('threaded', file)).equals(bytes)).toBe(true);
    const other = await train('other', recipe, { seed: 6 });
    expect(other.points).not.toEqual(whole.points);
  });
});

describe('what is written', () => {
  it('is an adapter whose merged loss is what training reports', async () => {
    // One batch of all rows: the loss of step 9 is that of the weights that a run of 8 steps writes.
    const recipe = (maxSteps: number) =>
      hyperparameters({
        lora: smallLora,
        microBatchSize: rows.length,
        epochs: 9,
        maxSteps,
        learningRate: 5e-3,
        schedule: 'constant',
        warmup: { steps: 0 },
      });
    await train('eight', recipe(8));
    const { points } = await train('nine', recipe(9));
    const weights = { kind: 'adapter', baseDir, dir: join(dir, 'eight', 'model') } as const;
    const { summary } = await measureRows({ baseDir, weights, rows });
    expect(points.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(summary.loss).toBeLessThan(points[0]!.loss - 0.1);
    expect(summary.loss).toBeCloseTo(points[8]!.loss, 5);
    const config = JSON.parse(await readFile(join(dir, 'eight', 'model', 'adapter_config.json'), 'utf8'));
    expect(config).toMatchObject({ base_model_name_or_path: base.repo, revision: base.revision, r: 4, lora_alpha: 8 });
  });

  it('is a full model in the base’s format with its config and tokenizer', async () => {
    const { result } = await train('full', hyperparameters({ epochs: 4, learningRate: 5e-3 }));
    const weights = { kind: 'full', dir: join(dir, 'full', 'model') } as const;
    const before = await measureRows({ baseDir, weights: { kind: 'full', dir: baseDir }, rows });
    const after = await measureRows({ baseDir, weights, rows });
    expect(result.stopped).toBe(false);
    expect(after.summary.loss).toBeLessThan(before.summary.loss - 0.2);
    for (const file of ['config.json', 'tokenizer.json']) {
      expect(await readFile(join(weights.dir, file), 'utf8')).toBe(await readFile(join(baseDir, file), 'utf8'));
    }
    expect((await bytesOf('full', 'model.safetensors')).length).toBe(
      (await readFile(join(baseDir, 'model.safetensors'))).length,
    );
  });
});

describe('refusals', () => {
  it('refuses the checkpoint of another recipe', async () => {
    await train('run', loraRecipe, { stopAt: 2 });
    await expect(train('run', { ...loraRecipe, learningRate: 1e-3 }, { resume: true })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
    });
  });

  it('names a row with an id outside the vocabulary', async () => {
    const ids = Int32Array.of(1, 97);
    const call = trainModel({
      baseDir,
      base,
      rows: [{ row: 12, ids, labels: ids }],
      recipe: hyperparameters(),
      outDir: join(dir, 'bad'),
      seed: 1,
      onStep: () => {},
    });
    await expect(call).rejects.toMatchObject({ code: 'TRAINING_ROW_INVALID', details: { row: 12 } });
  });

  it('stops when the loss is no longer finite', async () => {
    const wild = hyperparameters({ learningRate: 1e30, warmup: { steps: 0 }, maxGradNorm: undefined });
    await expect(train('wild', wild)).rejects.toMatchObject({ code: 'TRAINING_DIVERGED' });
  });
});
