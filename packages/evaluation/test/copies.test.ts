import { DeltaSketcher, type TensorSketch } from '@tuning/llm';
import type { RowLosses } from '@tuning/protocol';
import { describe, expect, test } from 'vitest';
import { gaussianOf } from '../../llm/test/reference-model.ts';
import { type Comparable, findCopy } from '../src/copies.ts';
import { deltaSimilarity, explainedBy, rowDistance } from '../src/similarity.ts';
import { decodeSketch, encodeSketch } from '../src/sketch-wire.ts';

const SIZES = { small: 64, wide: 4_096, square: 1_024 };
type Weights = Record<keyof typeof SIZES, Float32Array>;

function vectors(seed: number, size: number): Weights {
  const gaussian = gaussianOf(seed);
  const random = (length: number) => Float32Array.from({ length }, () => size * gaussian());
  return { small: random(SIZES.small), wide: random(SIZES.wide), square: random(SIZES.square) };
}
const combine = (...parts: [number, Weights][]): Weights => {
  const tensor = (name: keyof Weights) =>
    Float32Array.from({ length: SIZES[name] }, (_, i) =>
      parts.reduce((sum, [factor, of]) => sum + factor * of[name][i]!, 0),
    );
  return { small: tensor('small'), wide: tensor('wide'), square: tensor('square') };
};

const BASE = vectors(1, 1);
const [ONE, TWO, THREE] = [vectors(2, 0.02), vectors(3, 0.02), vectors(4, 0.02)];

function sketchOf(after: Weights, seed = 7): TensorSketch[] {
  const sketcher = new DeltaSketcher(new Uint8Array(32).fill(seed), 40);
  for (const name of Object.keys(SIZES) as (keyof Weights)[]) {
    const sums = { moved: 0, base: 0, other: 0, dot: 0 };
    BASE[name].forEach((before, i) => {
      sums.moved += (after[name][i]! - before) ** 2;
      sums.base += before ** 2;
      sums.dot += before * after[name][i]!;
    });
    sketcher.add(name, BASE[name], after[name], sums);
  }
  return [...sketcher.finish()];
}
const tuned = (...parts: [number, Weights][]) => sketchOf(combine([1, BASE], ...parts));

describe('sketches', () => {
  test('keep angles: of the same change, of half of it, of unrelated ones', () => {
    expect(deltaSimilarity(tuned([1, ONE]), tuned([1, ONE]))).toMatchObject({ tensors: 3, nearTensors: 3 });
    expect(deltaSimilarity(tuned([1, ONE]), tuned([0.3, ONE])).cosine).toBeGreaterThan(0.999);
    const half = deltaSimilarity(tuned([1, ONE]), tuned([1, ONE], [1, TWO])).cosine;
    expect(Math.abs(half - Math.SQRT1_2)).toBeLessThan(0.15);
    expect(Math.abs(deltaSimilarity(tuned([1, ONE]), tuned([1, TWO])).cosine)).toBeLessThan(0.15);
  });

  test('do not see what only rescales the base', () => {
    expect(deltaSimilarity(tuned([1, ONE]), sketchOf(combine([1.2, BASE], [1.2, ONE]))).cosine).toBeGreaterThan(0.999);
  });

  test('say nothing under different seeds, and leave out what did not change', () => {
    const other = sketchOf(combine([1, BASE], [1, ONE]), 8);
    expect(Math.abs(deltaSimilarity(tuned([1, ONE]), other).cosine)).toBeLessThan(0.15);
    expect(sketchOf(BASE)).toEqual([]);
    expect(deltaSimilarity(tuned([1, ONE]), [])).toMatchObject({ cosine: 0, medianCosine: 0, nearTensors: 0 });
  });

  test('come back from JSON as they were', () => {
    expect(decodeSketch(JSON.parse(JSON.stringify(encodeSketch(tuned([1, ONE])))))).toEqual(tuned([1, ONE]));
  });

  test('find the parts of a mixture', () => {
    const mixture = tuned([0.7, ONE], [0.3, TWO]);
    const { share, parts } = explainedBy(mixture, [tuned([1, ONE]), tuned([1, TWO]), tuned([1, THREE])]);
    expect(share).toBeGreaterThan(0.999);
    expect(parts.map((part) => Math.round(part * 100) / 100 || 0)).toEqual([0.7, 0.3, 0]);
    expect(explainedBy(mixture, [tuned([1, ONE]), tuned([1, ONE])]).share).toBeLessThan(0.95);
    expect(explainedBy(mixture, []).share).toBe(0);
  });
});

const rows = (...means: number[]): RowLosses => ({
  row: means.map((_, index) => index),
  sumNll: means.map((mean) => 10 * mean),
  tokens: means.map(() => 10),
});

describe('row distance', () => {
  test('is measured in distances to the base', () => {
    expect(rowDistance(rows(1, 2), rows(1, 2), rows(3, 3))).toBe(0);
    expect(rowDistance(rows(2, 2), rows(4, 4), rows(3, 3))).toBe(2);
    expect(rowDistance(rows(3), rows(3), rows(3))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('copies', () => {
  const base = rows(4, 4, 4);
  const original: Comparable = {
    hotkey: 'A',
    block: 5,
    weightsDigest: 'a',
    sketch: tuned([1, ONE]),
    rows: rows(3, 2, 1),
  };
  const second: Comparable = {
    hotkey: 'B',
    block: 6,
    weightsDigest: 'b',
    sketch: tuned([1, TWO]),
    rows: rows(2, 3, 2),
  };
  const later = (change: Partial<Comparable>): Comparable => ({
    hotkey: 'C',
    block: 9,
    weightsDigest: 'c',
    sketch: tuned([1, THREE]),
    rows: rows(1, 1, 3),
    ...change,
  });

  test.each<[string, Partial<Comparable>, string]>([
    ['weights', { weightsDigest: 'a' }, 'A'],
    ['change', { sketch: tuned([0.5, ONE]) }, 'A'],
    ['change', { sketch: tuned([1, ONE], [0.1, THREE]) }, 'A'],
    ['behaviour', { rows: rows(3, 2, 1.001) }, 'A'],
    ['mixture', { sketch: tuned([0.4, ONE], [0.6, TWO]) }, 'B'],
  ])('%s: the figures and the original are named', (rule, change, from) => {
    const verdict = findCopy(later(change), [original, second], base)!;
    expect(verdict).toMatchObject({ code: 'copy_of_another', evidence: { rule, original: from } });
    expect(verdict.reason).toContain(from);
    expect(Object.keys(verdict.evidence!).length).toBeGreaterThan(2);
  });

  test('another fine-tune is none, and neither is one of which nothing is known', () => {
    expect(findCopy(later({}), [original, second], base)).toBeUndefined();
    expect(findCopy(later({ sketch: tuned([0.7, ONE], [0.7, THREE]) }), [original, second], base)).toBeUndefined();
    expect(findCopy({ hotkey: 'C', block: 9 }, [original, { hotkey: 'B', block: 6 }], undefined)).toBeUndefined();
  });
});
