import type { RowLosses } from '@tuning/protocol';
import { expect, test } from 'vitest';
import { lossInterval } from '../src/index.ts';
import { seededUint32 } from '../src/random.ts';

/** A standard normal number, as a sum of twelve uniform ones. */
function normals(seed: string): () => number {
  const next = seededUint32(seed);
  return () => Array.from({ length: 12 }, () => next() / 2 ** 32).reduce((sum, value) => sum + value, -6);
}

/** A first model of 2 nats a token, and a second whose rows differ by `shift` ± `noise` nats a token. */
function pair(rows: number, shift: number, noise: number, seed: string): [RowLosses, RowLosses] {
  const normal = normals(seed);
  const tokens = Array.from({ length: rows }, (_, i) => 5 + ((i * 7) % 40));
  const row = tokens.map((_, i) => i);
  const first = tokens.map((count) => count * 2);
  const second = tokens.map((count, i) => first[i]! + count * shift + Math.sqrt(count) * noise * normal());
  return [
    { row, tokens, sumNll: first },
    { row, tokens, sumNll: second },
  ];
}

test('the interval is as wide as the spread of the rows says, and the same for the same seed', () => {
  const [first, second] = pair(400, -0.01, 0.5, 'rows');
  const interval = lossInterval(first, second, 'seed');
  expect(lossInterval(first, second, 'seed')).toEqual(interval);
  expect(lossInterval(first, second, 'other').low).not.toBe(interval.low);
  // Σ tokens · noise² is the variance of the sum: the interval is ± 1.96 · noise / √Σ tokens.
  const tokens = first.tokens.reduce((sum, count) => sum + count, 0);
  const width = (2 * 1.96 * 0.5) / Math.sqrt(tokens);
  expect((interval.high - interval.low) / width).toBeGreaterThan(0.85);
  expect((interval.high - interval.low) / width).toBeLessThan(1.15);
  expect(interval).toMatchObject({ confidence: 0.95, resamples: 2_000, seed: 'seed' });
});

test('it covers the truth nearly as often as it says, with as few as 60 rows', () => {
  let covered = 0;
  for (let draw = 0; draw < 200; draw++) {
    const { low, high } = lossInterval(...pair(60, 0.02, 0.4, `draw ${draw}`), 'seed');
    if (low <= 0.02 && 0.02 <= high) covered++;
  }
  expect(covered).toBeGreaterThan(175);
  expect(covered).toBeLessThan(200);
});

test('equal models give [0, 0], and a swap mirrors the difference', () => {
  const [first, second] = pair(50, 0.1, 0.1, 'rows');
  expect(lossInterval(first, first, 's')).toMatchObject({ difference: 0, low: 0, high: 0 });
  expect(lossInterval(second, first, 's').difference).toBe(-lossInterval(first, second, 's').difference);
});

test('losses of other rows or tokens are refused', () => {
  const [first, second] = pair(3, 0, 1, 'rows');
  expect(() => lossInterval(first, { ...second, row: [0, 1, 3] }, 's')).toThrow(RangeError);
  expect(() => lossInterval(first, { ...second, tokens: [1, 1, 1] }, 's')).toThrow(RangeError);
  expect(() => lossInterval({ row: [], tokens: [], sumNll: [] }, { row: [], tokens: [], sumNll: [] }, 's')).toThrow(
    RangeError,
  );
});
