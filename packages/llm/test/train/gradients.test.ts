import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { layOut } from '../../src/train/batches.ts';
import { GradientEngine } from '../../src/train/gradient-engine.ts';
import type { LoraSettings } from '../../src/train/index.ts';
import { SeededRandom } from '../../src/train/random.ts';
import { hyperparameters, randomRows, smallConfig, smallLora, weightsForGradients } from './small-model.ts';

/** Step of the central difference: the rounding of the float32 loss is about 1e-7 / STEP of the slope. */
const STEP = 2e-3;

async function worstError(config: ModelConfig, lora: LoraSettings | undefined, packing = false) {
  const { model, adapter } = weightsForGradients(config, lora);
  const trained = lora === undefined ? model : adapter;
  const weights = new Map([...model, ...adapter].map((tensor) => [tensor.name, tensor]));
  const engine = new GradientEngine({ config, weights, lora, packing, threads: 1 });
  const recipe = hyperparameters({ lora, packing, sequenceLen: 32 });
  const rows = randomRows(packing ? 8 : 4, 9, config.vocabularySize);
  const sequences = packing ? [0, 2, 4, 6].map((i) => rows.slice(i, i + 2)) : rows.map((row) => [row]);
  const arrays = layOut(sequences, recipe);
  const scale = 1 / arrays.trained;
  const loss = () => engine.pass(arrays, scale, new SeededRandom(5));
  await loss();
  const gradients = engine.gradients.map((gradient) => gradient.slice());
  const random = new SeededRandom(11);
  let worst = { name: '', error: 0 };
  for (const [index, { name, values }] of trained.entries()) {
    const direction = Float32Array.from(values, () => random.normal());
    const original = values.slice();
    const at = async (sign: 1 | -1) => {
      for (let i = 0; i < values.length; i++) values[i] = original[i]! + sign * STEP * direction[i]!;
      const value = await loss();
      values.set(original);
      return value;
    };
    const numeric = ((await at(1)) - (await at(-1))) / (2 * STEP);
    const analytic = gradients[index]!.reduce((sum, g, i) => sum + g * direction[i]!, 0);
    const error = Math.abs(numeric - analytic) / (Math.abs(numeric) + Math.abs(analytic) + 1e-3);
    if (error > worst.error) worst = { name, error };
  }
  await engine.close();
  return worst;
}

describe('gradients against finite differences', () => {
  it.each([
    ['full, tied head', smallConfig, undefined, false],
    ['full, own head', { ...smallConfig, tied: false }, undefined, false],
    ['LoRA on all modules', smallConfig, smallLora, false],
    ['LoRA with dropout', smallConfig, { ...smallLora, dropout: 0.3 }, false],
    ['full, packed rows', smallConfig, undefined, true],
  ] as const)('%s', async (_name, config, lora, packing) => {
    const worst = await worstError(config, lora, packing);
    expect(worst.error, worst.name).toBeLessThan(3e-2);
  });
});
