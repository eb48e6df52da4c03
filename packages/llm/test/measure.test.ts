import { IGNORED_LABEL, type TokenRow } from '@tuning/protocol';
import { describe, expect, test } from 'vitest';
import { createMeasurer, HEAD, type ModelConfig } from '../src/index.ts';
import { randomOf, randomWeights, referenceLosses, TINY } from './reference-model.ts';

function tokenRow(row: number, length: number, seed = row + 1, masked = 0): TokenRow {
  const random = randomOf(seed);
  const ids = Int32Array.from({ length }, () => Math.floor(random() * TINY.vocabularySize));
  return { row, ids, labels: ids.map((id, i) => (i < masked ? IGNORED_LABEL : id)) };
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let max = 0;
  for (let i = 0; i < a.length; i++) max = Math.max(max, Math.abs(a[i]! - b[i]!));
  return max;
}

describe('the fused graph agrees with a plain float64 forward pass', () => {
  const llama3 = {
    kind: 'llama3' as const,
    factor: 8,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalPositions: 64,
  };
  const variants: [string, ModelConfig][] = [
    ['tied', TINY],
    ['untied, own head_dim, no grouping', { ...TINY, tied: false, headDim: 32, kvHeads: 4, ropeTheta: 5e5 }],
    ['llama3 rope scaling', { ...TINY, ropeScaling: llama3 }],
  ];
  test.each(variants)('%s', async (_, config) => {
    const weights = randomWeights(config, 7);
    const rows = [tokenRow(0, 65), tokenRow(1, 40)];
    const losses = await createMeasurer(config, weights).tokenLosses(rows);
    const scaling = config.ropeScaling;
    const frequency = (i: number) => {
      const f = config.ropeTheta ** ((-2 * i) / config.headDim);
      if (scaling?.kind !== 'llama3') return f;
      const turns = (scaling.originalPositions * f) / (2 * Math.PI);
      if (turns < scaling.lowFrequencyFactor) return f / scaling.factor;
      if (turns > scaling.highFrequencyFactor) return f;
      const smooth = (turns - scaling.lowFrequencyFactor) / (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
      return ((1 - smooth) * f) / scaling.factor + smooth * f;
    };
    for (const [index, { ids }] of rows.entries()) {
      expect(worst(losses[index]!, referenceLosses(config, weights, ids, frequency))).toBeLessThan(1e-5);
    }
  });

  test('an untied head is really used', async () => {
    const config = { ...TINY, tied: false };
    const weights = randomWeights(config, 3);
    const rows = [tokenRow(0, 20)];
    const [before] = await createMeasurer(config, weights).tokenLosses(rows);
    weights.set(HEAD, randomWeights(config, 4).get(HEAD)!);
    const [after] = await createMeasurer(config, weights).tokenLosses(rows);
    expect(worst(before!, after!)).toBeGreaterThan(0.1);
  });
});

test('a later token changes no earlier loss', async () => {
  const measurer = createMeasurer(TINY, randomWeights(TINY, 7));
  const first = tokenRow(0, 50);
  const second = { ...first, ids: first.ids.map((id, i) => (i === 49 ? (id + 1) % TINY.vocabularySize : id)) };
  const [a, b] = await measurer.tokenLosses([first, { ...second, labels: second.ids }]);
  expect(a!.subarray(0, 48)).toEqual(b!.subarray(0, 48));
  expect(a![48]).not.toBe(b![48]);
});

test('a row has the same bits alone, among others, in any order, in a larger bucket and with two threads', async () => {
  const weights = randomWeights(TINY, 7);
  const rows = [30, 64, 65, 66, 100, 129, 200, 300, 600, 33].map((length, index) => tokenRow(index, length));
  const together = await createMeasurer(TINY, weights).tokenLosses(rows);
  const threaded = await createMeasurer(TINY, weights, { threads: 2 }).tokenLosses([...rows].reverse());
  for (const [index, row] of rows.entries()) {
    const [alone] = await createMeasurer(TINY, weights).tokenLosses([row]);
    expect(alone, `row ${index} alone`).toEqual(together[index]);
    expect(threaded[rows.length - 1 - index], `row ${index} threaded`).toEqual(together[index]);
    // The same tokens, with a tail that moves the row into the next bucket.
    const longer = tokenRow(index, row.ids.length * 2, index + 1);
    expect(longer.ids.subarray(0, row.ids.length)).toEqual(row.ids);
    const [stretched] = await createMeasurer(TINY, weights).tokenLosses([longer]);
    expect(stretched!.subarray(0, row.ids.length - 1), `row ${index} in a larger bucket`).toEqual(together[index]);
  }
});

test('ignored labels do not count; sums are per row and in float64', async () => {
  const weights = randomWeights(TINY, 7);
  const measurer = createMeasurer(TINY, weights);
  const rows = [tokenRow(5, 20, 1, 12), tokenRow(9, 30, 2)];
  const all = await measurer.tokenLosses([tokenRow(5, 20, 1), tokenRow(9, 30, 2)]);
  const { summary, rows: sums } = await measurer.measure(rows, { dropped: { over_length: 3 } });
  expect(sums.row).toEqual([5, 9]);
  expect(sums.tokens).toEqual([8, 29]);
  // Position 11 carries the first counted label, that of token 12.
  const expected = [all[0]!.subarray(11), all[1]!].map((losses) => losses.reduce((sum, loss) => sum + loss, 0));
  expect(sums.sumNll).toEqual(expected);
  expect(summary.sumNll).toBe(expected[0]! + expected[1]!);
  expect(summary.loss).toBe(summary.sumNll / 37);
  expect(summary.perplexity).toBe(Math.exp(summary.loss));
  expect(summary.rowLoss).toBe((expected[0]! / 8 + expected[1]! / 29) / 2);
  expect(summary).toMatchObject({ tokens: 37, rowsKept: 2, rowsDropped: { over_length: 3 } });
});

test('ids and labels outside the vocabulary, rows without a target and empty sets are refused by name', async () => {
  const measurer = createMeasurer(TINY, randomWeights(TINY, 7));
  const row = tokenRow(0, 4);
  const broken = (ids: number[], labels: number[]): TokenRow[] => [
    { row: 4, ids: Int32Array.from(ids), labels: Int32Array.from(labels) },
  ];
  const refused = (rows: TokenRow[]) => expect(measurer.measure(rows)).rejects;
  await refused(broken([1, -1], [1, 1])).toMatchObject({
    code: 'ROW_INVALID',
    message: expect.stringContaining('row 4'),
  });
  await refused(broken([1, 97], [1, 1])).toMatchObject({ code: 'ROW_INVALID' });
  await refused(broken([1, 2], [1, 97])).toMatchObject({ code: 'ROW_INVALID' });
  await refused(broken([1, 2], [1, -5])).toMatchObject({ code: 'ROW_INVALID' });
  await refused(broken([1, 2], [1, IGNORED_LABEL])).toMatchObject({ code: 'ROW_INVALID' });
  await refused([row, ...broken([1, 2], [1])]).toMatchObject({ code: 'ROW_INVALID' });
  await refused([]).toMatchObject({ code: 'NO_ROWS' });
});

test.each([
  ['one NaN', (embedding: Float32Array) => embedding.fill(Number.NaN, 0, 1)],
  ['finite weights of 3e38', (embedding: Float32Array) => embedding.fill(3e38, 0, 64)],
])('%s gives NON_FINITE_LOSS, never a number', async (_, spoil) => {
  const weights = randomWeights(TINY, 7);
  spoil(weights.get('model.embed_tokens.weight')!);
  const ids = Int32Array.from([1, 0, 2, 1, 3]);
  const rows = [{ row: 2, ids, labels: ids }];
  await expect(createMeasurer(TINY, weights).measure(rows)).rejects.toMatchObject({
    code: 'NON_FINITE_LOSS',
    details: { row: 2 },
  });
});

test('progress counts rows and an abort stops between batches', async () => {
  const measurer = createMeasurer(TINY, randomWeights(TINY, 7));
  const rows = Array.from({ length: 80 }, (_, index) => tokenRow(index, 10));
  const seen: number[] = [];
  await measurer.measure(rows, { onProgress: ({ doneRows, totalRows }) => seen.push(doneRows / totalRows) });
  expect(seen).toEqual([0.4, 0.8, 1]);
  const aborter = new AbortController();
  const stopped = measurer.measure(rows, {
    signal: aborter.signal,
    onProgress: () => aborter.abort(new Error('stop')),
  });
  await expect(stopped).rejects.toThrow('stop');
});
