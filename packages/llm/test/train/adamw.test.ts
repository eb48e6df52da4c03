import { describe, expect, it } from 'vitest';
import { elements } from '../../src/onnx/tensor.ts';
import { AdamW, type AdamWOptions, type TrainedTensor } from '../../src/train/adamw.ts';
import { CHUNK } from '../../src/train/adamw-kernel.ts';
import { trainedTensor } from '../../src/train/initial-weights.ts';
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

/** Tensors of random values, and arrays for their gradients, that the optimiser made itself or that lie elsewhere. */
function setUp(where: 'own' | 'plain', random: SeededRandom) {
  const optimiser = new AdamW(where === 'own' ? SHAPES.map((dims) => ({ dims })) : []);
  const array = (length: number) => (where === 'own' ? optimiser.array(length) : new Float32Array(length));
  const filled = SHAPES.map((dims) => ({
    dims,
    values: Float32Array.from({ length: elements(dims) }, random.normal, random),
  }));
  const trained = filled.map(({ dims, values }, i) => trainedTensor({ name: `t${i}`, dims }, values, array));
  return { optimiser, trained, gradients: trained.map(({ values }) => array(values.length)) };
}

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

describe('AdamW', () => {
  it.each(['own', 'plain'] as const)(
    'is right within the rounding of float32, whatever the lengths: %s arrays',
    (where) => {
      const random = new SeededRandom(3);
      const { optimiser, trained, gradients } = setUp(where, random);
      const [values, m, v] = [trained.map((one) => [...one.values]), trained.map(zeros), trained.map(zeros)];
      for (let step = 1; step <= 20; step++) {
        // Every other step is clipped.
        const size = step % 2 === 0 ? 1 : 1e-3;
        for (const gradient of gradients) for (const i of gradient.keys()) gradient[i] = random.normal() * size;
        const wanted = reference(values, m, v, gradients, step);
        expect(optimiser.step(trained, gradients, step, OPTIONS)).toBeCloseTo(wanted, 9);
      }
      const worst = trained.map((one, t) => one.values.map((value, i) => Math.abs(value - values[t]![i]!)));
      // Half a unit in the last place of a value near 4 is 2e-7, and each of the 20 steps rounds twice.
      for (const [t, apart] of worst.entries()) expect(Math.max(...apart), `tensor ${t}`).toBeLessThan(3e-6);
    },
  );

  it('gives the same bits wherever the arrays lie', () => {
    const [own, plain] = (['own', 'plain'] as const).map((where) => {
      const random = new SeededRandom(5);
      const { optimiser, trained, gradients } = setUp(where, random);
      for (const gradient of gradients) for (const i of gradient.keys()) gradient[i] = random.normal();
      return { norm: optimiser.step(trained, gradients, 1, OPTIONS), trained };
    });
    expect(own!.norm).toBe(plain!.norm);
    for (const [i, { values }] of own!.trained.entries()) {
      expect(Buffer.compare(bytes(values), bytes(plain!.trained[i]!.values)), `tensor ${i}`).toBe(0);
    }
  });

  it('changes nothing beyond the end of a tensor that is part of a larger buffer', () => {
    const buffer = new Float32Array(12).fill(5);
    const part = (): Float32Array => new Float32Array(6);
    const tensor = { name: 't', dims: [6], values: buffer.subarray(3, 9), m: part(), v: part() };
    new AdamW().step([tensor], [part().fill(1)], 1, OPTIONS);
    expect([...buffer].filter((value) => value === 5)).toHaveLength(6);
    expect([...buffer.subarray(0, 3), ...buffer.subarray(9)]).toEqual([5, 5, 5, 5, 5, 5]);
  });

  it('leaves a diverged gradient visible', () => {
    const { optimiser, trained, gradients } = setUp('own', new SeededRandom(1));
    gradients[1]![6] = Number.NaN;
    expect(optimiser.step(trained, gradients, 1, OPTIONS)).toBeNaN();
    expect(trained[1]!.values[6]).toBeNaN();
  });
});

const zeros = ({ values }: TrainedTensor): number[] => Array.from(values, () => 0);
const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
