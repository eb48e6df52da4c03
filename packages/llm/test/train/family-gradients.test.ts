import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FAMILIES, loadWeights, type ModelConfig, modelTensors, readModelConfig } from '../../src/index.ts';
import { openSafetensorsFile } from '../../src/safetensors/file.ts';
import type { BatchArrays } from '../../src/train/batches.ts';
import { GradientEngine } from '../../src/train/gradient-engine.ts';
import { freshAdapter, freshModel } from '../../src/train/initial-weights.ts';
import { SeededRandom } from '../../src/train/random.ts';
import { loraWeights, trainedSpecs } from '../../src/train/weight-specs.ts';
import { smallLora } from './small-model.ts';

/** Made by transformers and torch's autograd in float64: see ../vectors/make-family-vectors.py. */
const VECTORS = join(import.meta.dirname, '../vectors/families');
const CASES = readdirSync(VECTORS).filter((name) => existsSync(join(VECTORS, name, 'gradients.safetensors')));

interface Gradient {
  ids: number[][];
  labels: number[][];
  loss: number;
}

function arraysOf({ ids, labels }: Gradient): BatchArrays {
  const length = ids[0]!.length;
  const mask = Float32Array.from({ length: length * length }, (_, at) =>
    at % length > Math.floor(at / length) ? -1e9 : 0,
  );
  const flat = (rows: number[][]) => BigInt64Array.from(rows.flat(), BigInt);
  const trained = labels.flat().filter((label) => label >= 0).length;
  return { batch: ids.length, length, ids: flat(ids), labels: flat(labels), mask, trained };
}

async function readCase(name: string) {
  const dir = join(VECTORS, name);
  const config = await readModelConfig(dir);
  const { gradient } = JSON.parse(readFileSync(join(dir, 'vector.json'), 'utf8')) as { gradient: Gradient };
  const values = await loadWeights(config, { kind: 'full', dir });
  const model = [...modelTensors(config)].map(([tensor, dims]) => ({
    name: tensor,
    dims,
    values: values.get(tensor)!,
  }));
  const store = await openSafetensorsFile(join(dir, 'gradients.safetensors'));
  const expected = new Map<string, Float32Array>();
  for (const tensor of store.entries.keys()) expected.set(tensor, await store.read(tensor));
  await store.close();
  return { config, gradient, model, expected };
}

/** ‖a − b‖ / ‖b‖ */
function relative(a: Float32Array, b: ArrayLike<number>): number {
  const sums = a.reduce((sum, value, i) => ({ d: sum.d + (value - b[i]!) ** 2, b: sum.b + b[i]! ** 2 }), {
    d: 0,
    b: 0,
  });
  return Math.sqrt(sums.d / sums.b);
}

it.each(CASES)('gradients of a full fine-tune are those of PyTorch: %s', async (name) => {
  const { config, gradient, model, expected } = await readCase(name);
  const weights = new Map(model.map((tensor) => [tensor.name, tensor]));
  const engine = new GradientEngine({ config, weights, lora: undefined, packing: false, threads: 1 });
  const arrays = arraysOf(gradient);
  const loss = await engine.pass(arrays, 1 / arrays.trained, new SeededRandom(0));
  await engine.close();
  expect(Math.abs(loss - gradient.loss)).toBeLessThan(1e-5);
  const specs = trainedSpecs(config, undefined);
  expect(specs.map((spec) => spec.name).sort()).toEqual([...expected.keys()].sort());
  for (const [i, spec] of specs.entries()) {
    expect(relative(engine.gradients[i]!, expected.get(spec.name)!), spec.name).toBeLessThan(1e-4);
  }
});

const WITH_TARGETS = ['llama3', 'mistral', 'qwen2', 'qwen3', 'smollm3', 'gemma2', 'gemma3'];

// An adapter whose B is 0 leaves the model as it is, and then dB = (alpha / rank) · dW · Aᵀ and dA = 0.
it.each(WITH_TARGETS)('gradients of a fresh adapter follow from those of PyTorch: %s', async (name) => {
  const { config, gradient, model, expected } = await readCase(name);
  const adapter = freshAdapter(config, smallLora, 3);
  const weights = new Map([...model, ...adapter].map((tensor) => [tensor.name, tensor]));
  const engine = new GradientEngine({ config, weights, lora: smallLora, packing: false, threads: 1 });
  const arrays = arraysOf(gradient);
  await engine.pass(arrays, 1 / arrays.trained, new SeededRandom(0));
  await engine.close();
  for (const [pair, weight] of loraWeights(config, smallLora).entries()) {
    const [out, inner] = modelTensors(config).get(weight) as [number, number];
    const a = adapter[2 * pair]!.values;
    const [dA, dB] = [engine.gradients[2 * pair]!, engine.gradients[2 * pair + 1]!];
    expect(Math.max(...dA.map(Math.abs))).toBe(0);
    const scaling = smallLora.alpha / smallLora.rank;
    const dW = expected.get(weight)!;
    const product = Float64Array.from({ length: out * smallLora.rank }, (_, at) => {
      const [o, r] = [Math.floor(at / smallLora.rank), at % smallLora.rank];
      let sum = 0;
      for (let i = 0; i < inner; i++) sum += dW[o * inner + i]! * a[r * inner + i]!;
      return scaling * sum;
    });
    expect(relative(dB, product), weight).toBeLessThan(1e-4);
  }
});

it('every family has gradients', async () => {
  const seen = new Set<string>();
  for (const name of CASES) seen.add((await readModelConfig(join(VECTORS, name))).traits.family);
  expect([...seen].sort()).toEqual(FAMILIES.map(({ modelType }) => modelType).sort());
});

async function trainingOf(name: string, options: { lora?: typeof smallLora; packing?: boolean }) {
  const { config, gradient, model } = await readCase(name);
  const adapter = options.lora ? freshAdapter(config, options.lora, 3) : [];
  const weights = new Map([...model, ...adapter].map((tensor) => [tensor.name, tensor]));
  const { lora, packing = false } = options;
  const engine = new GradientEngine({ config, weights, lora, packing, threads: 1 });
  const arrays = arraysOf(gradient);
  return engine.pass(arrays, 1 / arrays.trained, new SeededRandom(0)).finally(() => engine.close());
}

it('a target that a family has under another name is refused by name, and packing without rotary positions', async () => {
  for (const name of ['phi3', 'gpt-neox', 'gpt2']) {
    await expect(trainingOf(name, { lora: smallLora })).rejects.toMatchObject({
      code: 'TRAINING_UNSUPPORTED',
      details: { setting: 'q_proj' },
    });
  }
  await expect(trainingOf('gpt2', { packing: true })).rejects.toMatchObject({
    code: 'TRAINING_UNSUPPORTED',
    details: { setting: 'packing' },
  });
});

it('a new model starts with norms that change nothing and biases of 0', async () => {
  const filled = (config: ModelConfig, pattern: RegExp) =>
    freshModel(config, 1)
      .filter(({ name, dims }) => dims.length === 1 && pattern.test(name))
      .map(({ values }) => new Set(values));
  const [gemma, neox] = [await readCase('gemma2'), await readCase('gpt-neox')];
  for (const seen of filled(gemma.config, /norm\.weight$/)) expect(seen).toEqual(new Set([0]));
  for (const seen of filled(neox.config, /\.bias$/)) expect(seen).toEqual(new Set([0]));
  for (const seen of filled(neox.config, /norm\.weight$/)) expect(seen).toEqual(new Set([1]));
});
