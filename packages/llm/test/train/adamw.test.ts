import { describe, expect, it } from 'vitest';
import { type AdamWOptions, adamWStep, type TrainedTensor } from '../../src/train/adamw.ts';
import { CHUNK } from '../../src/train/adamw-kernel.ts';
import { SeededRandom } from '../../src/train/random.ts';

const OPTIONS: AdamWOptions = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradNorm: 1,
};
/** Less than a group of four, no whole number of groups, a chunk, more than one; the last is a matrix. */
const SHAPES = [[1], [7], [CHUNK], [CHUNK + 5], [3, 1000]];

const tensors = (random: SeededRandom): TrainedTensor[] =>
  SHAPES.map((dims, i) => {
    const length = dims.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length }, () => random.normal());
    return { name: `t${i}`, dims, values, m: new Float32Array(length), v: new Float32Array(length) };
  });

/** The same in float64, as the paper and torch have it. */
function reference(values: number[][], m: number[][], v: number[][], gradients: readonly Float32Array[], step: number) {
  const { learningRate, beta1, beta2, epsilon, weightDecay, maxGradNorm } = OPTIONS;
  const norm = Math.sqrt(gradients.reduce((sum, one) => sum + one.reduce((inner, g) => inner + g * g, 0), 0));
  const clip = Math.min(1, maxGradNorm! / (norm + 1e-6));
  for (const [t, gradient] of gradients.entries()) {
    for (const [i, raw] of gradient.entries()) {
      const g = raw * clip;
      m[t]![i] = beta1 * m[t]![i]! + (1 - beta1) * g;
      v[t]![i] = beta2 * v[t]![i]! + (1 - beta2) * g * g;
      const decay = SHAPES[t]!.length > 1 ? learningRate * weightDecay * values[t]![i]! : 0;
      const update = m[t]![i]! / (1 - beta1 ** step) / (Math.sqrt(v[t]![i]! / (1 - beta2 ** step)) + epsilon);
      values[t]![i] = values[t]![i]! - decay - learningRate * update;
    }
  }
  return norm;
}

describe('adamWStep', () => {
  it('is AdamW with clipping, within the rounding of float32, whatever the lengths', () => {
    const random = new SeededRandom(3);
    const trained = tensors(random);
    const [values, m, v] = [trained.map((one) => [...one.values]), trained.map(zeros), trained.map(zeros)];
    for (let step = 1; step <= 20; step++) {
      // Every other step is clipped.
      const size = step % 2 === 0 ? 1 : 1e-3;
      const gradients = trained.map((one) => Float32Array.from(one.values, () => random.normal() * size));
      const wanted = reference(values, m, v, gradients, step);
      expect(adamWStep(trained, gradients, step, OPTIONS)).toBeCloseTo(wanted, 9);
    }
    const worst = trained.map((one, t) => one.values.map((value, i) => Math.abs(value - values[t]![i]!)));
    // 20 steps of 1e-3 have moved them; half a unit in the last place of a value near 4 is 2e-7, and each step rounds twice.
    for (const [t, apart] of worst.entries()) expect(Math.max(...apart), `tensor ${t}`).toBeLessThan(3e-6);
  });

  it('changes nothing beyond the end of a tensor that is part of a larger buffer', () => {
    const buffer = new Float32Array(12).fill(5);
    const part = (): Float32Array => new Float32Array(6);
    const tensor = { name: 't', dims: [6], values: buffer.subarray(3, 9), m: part(), v: part() };
    adamWStep([tensor], [part().fill(1)], 1, OPTIONS);
    expect([...buffer].filter((value) => value === 5)).toHaveLength(6);
    expect([...buffer.subarray(0, 3), ...buffer.subarray(9)]).toEqual([5, 5, 5, 5, 5, 5]);
  });

  it('leaves a diverged gradient visible', () => {
    const [tensor] = tensors(new SeededRandom(1));
    const norm = adamWStep([tensor!], [Float32Array.of(Number.NaN)], 1, OPTIONS);
    expect(norm).toBeNaN();
    expect(tensor!.values[0]).toBeNaN();
  });
});

const zeros = ({ values }: TrainedTensor): number[] => Array.from(values, () => 0);
