import { IGNORED_LABEL, type TokenRow } from '@tuning/protocol';
import { describe, expect, it } from 'vitest';
import { bucketLength, layOut, planEpoch } from '../../src/train/batches.ts';
import { countSteps } from '../../src/train/index.ts';
import { hyperparameters, randomRows } from './small-model.ts';

const row = (number: number, ids: number[], labels = ids): TokenRow => ({
  row: number,
  ids: Int32Array.from(ids),
  labels: Int32Array.from(labels),
});

describe('planEpoch', () => {
  const rows = randomRows(50, 20, 97);

  it.each([false, true])('uses every row once, in an order of seed and epoch (packing: %s)', (packing) => {
    const recipe = hyperparameters({ packing, microBatchSize: 3, gradientAccumulationSteps: 2 });
    const order = (seed: number, epoch: number) => planEpoch(rows, recipe, seed, epoch).flat(3);
    const numbers = order(1, 0).map(({ row: number }) => number);
    expect([...numbers].sort((a, b) => a - b)).toEqual(rows.map(({ row: number }) => number));
    expect(order(1, 0)).toEqual(order(1, 0));
    expect(order(1, 1)).not.toEqual(order(1, 0));
    expect(order(2, 0)).not.toEqual(order(1, 0));
  });

  it('packs rows into fewer sequences, none too long', () => {
    const recipe = hyperparameters({ packing: true, microBatchSize: 1 });
    const sequences = planEpoch(rows, recipe, 1, 0).flat(2);
    const tokens = rows.reduce((sum, { ids }) => sum + ids.length, 0);
    for (const sequence of sequences) {
      expect(sequence.reduce((sum, { ids }) => sum + ids.length, 0)).toBeLessThanOrEqual(recipe.sequenceLen);
    }
    expect(sequences.length).toBeLessThan(1.2 * Math.ceil(tokens / recipe.sequenceLen));
  });

  it('counts steps: whole and broken epochs, bounded by maxSteps', () => {
    const recipe = hyperparameters({ microBatchSize: 4, gradientAccumulationSteps: 2 });
    expect(countSteps(rows, { ...recipe, epochs: 1 }, 1)).toBe(7);
    expect(countSteps(rows, { ...recipe, epochs: 2.5 }, 1)).toBe(18);
    expect(countSteps(rows, { ...recipe, epochs: 3, maxSteps: 10 }, 1)).toBe(10);
    expect(countSteps(rows, { ...recipe, epochs: 1, maxSteps: 10 }, 1)).toBe(7);
  });
});

describe('layOut', () => {
  it('shifts labels, keeps the mask and pads on the right', () => {
    const rows = [row(0, [5, 6, 7], [IGNORED_LABEL, 6, 7]), row(1, [8, 9], [IGNORED_LABEL, IGNORED_LABEL])];
    const arrays = layOut(
      rows.map((item) => [item]),
      hyperparameters({ microBatchSize: 3 }),
    );
    expect([arrays.batch, arrays.length, arrays.trained]).toEqual([3, 32, 2]);
    expect([...arrays.ids.slice(0, 4)]).toEqual([5n, 6n, 7n, 0n]);
    expect([...arrays.labels.slice(0, 4)]).toEqual([6n, 7n, -100n, -100n]);
    expect(arrays.labels.slice(32).every((label) => label === -100n)).toBe(true);
  });

  it('lets no packed row see another, and never predicts across the border', () => {
    const arrays = layOut(
      [[row(0, [1, 2, 3]), row(1, [4, 5])]],
      hyperparameters({ packing: true, microBatchSize: 1, sequenceLen: 6 }),
    );
    const open = Array.from({ length: 6 }, (_, t) =>
      Array.from({ length: 6 }, (_, s) => (arrays.mask[t * 6 + s] === 0 ? 1 : 0)).join(''),
    );
    expect(open).toEqual(['100000', '110000', '111000', '000100', '000110', '000001']);
    expect([...arrays.labels]).toEqual([2n, 3n, -100n, 5n, -100n, -100n]);
  });
});

it('rounds lengths up to a few buckets', () => {
  const lengths = [1, 32, 33, 49, 65, 97, 129, 400];
  expect(lengths.map((length) => bucketLength(length, 512))).toEqual([32, 32, 48, 64, 96, 128, 192, 512]);
  expect(bucketLength(70, 80)).toBe(80);
});
