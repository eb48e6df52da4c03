import { readFileSync } from 'node:fs';
import { IGNORED_LABEL, type TokenRow } from '@tuning/protocol';
import { describe, expect, it } from 'vitest';
import { modelTensors } from '../../src/config/tensors.ts';
import { AdamW, type TrainedTensor } from '../../src/train/adamw.ts';
import { layOut } from '../../src/train/batches.ts';
import { GradientEngine } from '../../src/train/gradient-engine.ts';
import type { LoraSettings } from '../../src/train/index.ts';
import { trainedTensor } from '../../src/train/initial-weights.ts';
import { SeededRandom } from '../../src/train/random.ts';
import { trainedSpecs, type WeightSpec } from '../../src/train/weight-specs.ts';
import { hyperparameters, smallConfig, smallLora } from './small-model.ts';

/** What transformers, PEFT and torch's AdamW give for the same formulas: golden/torch-reference.py wrote it. */
interface Reference {
  losses: number[];
  gradients: Record<string, { norm: number; projection: number }>;
}
const file = new URL('./golden/torch-reference.json', import.meta.url);
const reference = JSON.parse(readFileSync(file, 'utf8')) as Record<'tied' | 'untied' | 'lora', Reference>;

const BATCH = 3;
const LENGTH = 11;

function rowsOf(step: number): TokenRow[] {
  return Array.from({ length: BATCH }, (_, row) => {
    const ids = Int32Array.from({ length: LENGTH }, (_, t) => ((t * t + 3 * t + 5 * row + 7 * step) % 10) * 9);
    return { row, ids, labels: ids.map((id, t) => (t < row + 2 ? IGNORED_LABEL : id)) };
  });
}

const key = (name: string): number => [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 97;

function filled({ name, dims }: WeightSpec): TrainedTensor {
  const k = key(name);
  const values = new Float32Array(dims.reduce((product, size) => product * size, 1));
  const formula = (i: number): number => {
    if (dims.length === 1) return 1 + 0.2 * Math.sin(i + k);
    if (!name.includes('lora_')) return 0.2 * Math.sin(1.7 * i + 0.003 * i * i + k);
    return (name.includes('lora_A') ? 0.2 : 0.1) * Math.sin(0.9 * i + 0.002 * i * i + k);
  };
  for (let i = 0; i < values.length; i++) values[i] = formula(i);
  return trainedTensor({ name, dims }, values);
}

async function run(tied: boolean, lora: LoraSettings | undefined) {
  const config = { ...smallConfig, tied };
  const model = [...modelTensors(config)].map(([name, dims]) => filled({ name, dims }));
  const trained = lora === undefined ? model : trainedSpecs(config, lora).map(filled);
  const weights = new Map([...model, ...trained].map((tensor) => [tensor.name, tensor]));
  const engine = new GradientEngine({ config, weights, lora, packing: false, threads: 1 });
  const optimiser = new AdamW();
  const losses: number[] = [];
  const gradients: Reference['gradients'] = {};
  for (let step = 0; step < reference.tied.losses.length; step++) {
    const arrays = layOut(
      rowsOf(step).map((row) => [row]),
      hyperparameters({ microBatchSize: BATCH }),
    );
    losses.push(await engine.pass(arrays, 1 / arrays.trained, new SeededRandom(0)));
    if (step === 0) for (const [i, { name }] of trained.entries()) gradients[name] = digest(engine.gradients[i]!);
    optimiser.step(trained, engine.gradients, step + 1, {
      learningRate: 5e-3,
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: 0.1,
      maxGradNorm: 1,
    });
  }
  await engine.close();
  return { losses, gradients };
}

function digest(gradient: Float32Array): { norm: number; projection: number } {
  let squares = 0;
  let projection = 0;
  for (const [i, value] of gradient.entries()) {
    squares += value * value;
    projection += value * Math.cos(i);
  }
  return { norm: Math.sqrt(squares), projection };
}

describe('against transformers, PEFT and torch', () => {
  it.each([
    ['tied', true, undefined],
    ['untied', false, undefined],
    ['lora', true, smallLora],
  ] as const)('%s: same gradients, same losses over six optimiser steps', async (name, tied, lora) => {
    const expected = reference[name];
    const { losses, gradients } = await run(tied, lora);
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(expected.gradients).sort());
    for (const [tensor, { norm, projection }] of Object.entries(expected.gradients)) {
      expect(Math.abs(gradients[tensor]!.norm - norm) / norm, tensor).toBeLessThan(1e-4);
      expect(Math.abs(gradients[tensor]!.projection - projection) / norm, tensor).toBeLessThan(1e-4);
    }
    for (const [step, loss] of expected.losses.entries()) expect(losses[step], `step ${step}`).toBeCloseTo(loss, 5);
  });
});
