import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TokenRow } from '@tuning/protocol';
import { expect, test } from 'vitest';
import { createMeasurer, loadWeights, type ModelConfig, type ModelWeights, readModelConfig } from '../src/index.ts';
import { randomOf, randomWeights } from './reference-model.ts';

const VECTORS = join(import.meta.dirname, 'vectors/families');

function tokenRow(row: number, length: number, vocabulary: number): TokenRow {
  const random = randomOf(row + 1);
  const ids = Int32Array.from({ length }, () => Math.floor(random() * vocabulary));
  return { row, ids, labels: ids };
}

async function expectSameBits(config: ModelConfig, weights: ModelWeights, lengths: readonly number[], grown: number) {
  const rows = lengths.map((length, row) => tokenRow(row, length, config.vocabularySize));
  const measurer = createMeasurer(config, weights);
  const together = await measurer.tokenLosses(rows);
  const threaded = await createMeasurer(config, weights, { threads: 2 }).tokenLosses([...rows].reverse());
  for (const [index, row] of rows.entries()) {
    expect(threaded[rows.length - 1 - index], `row ${index}, two threads, other order`).toEqual(together[index]);
    const [alone] = await measurer.tokenLosses([row]);
    expect(alone, `row ${index} alone`).toEqual(together[index]);
  }
  // The same tokens at the start of longer rows, in another bucket.
  const longer = rows.map((_, row) => tokenRow(row, grown, config.vocabularySize));
  const stretched = await measurer.tokenLosses(longer);
  for (const [index, { ids }] of rows.entries()) {
    expect(longer[index]!.ids.subarray(0, ids.length)).toEqual(ids);
    expect(stretched[index]!.subarray(0, ids.length - 1), `row ${index} in a larger bucket`).toEqual(together[index]);
  }
}

// Families whose frequencies depend on the row's length are compared on the long side of it.
const LENGTHS: Readonly<Record<string, { lengths: number[]; grown: number }>> = {
  gpt2: { lengths: [20, 41, 64], grown: 80 },
  phi3: { lengths: [40, 60, 64], grown: 150 },
  'phi3-partial': { lengths: [40, 60, 64], grown: 150 },
  'llama-dynamic': { lengths: [9, 20, 31], grown: 32 },
};

test.each(readdirSync(VECTORS))(
  '%s: a row has the same bits alone, among others, in any order, in a larger bucket and with two threads',
  async (name) => {
    const dir = join(VECTORS, name);
    const config = await readModelConfig(dir);
    const weights = await loadWeights(config, { kind: 'full', dir });
    const { lengths, grown } = LENGTHS[name] ?? { lengths: [20, 34, 64, 66, 140], grown: 300 };
    await expectSameBits(config, weights, lengths, grown);
  },
);

/** Shapes of real models, whose matrix products are split otherwise than those of tiny ones. */
test.each([
  ['gemma3', { headDim: 256, heads: 2, kvHeads: 1, hiddenSize: 160, intermediateSize: 320, layers: 2 }],
  ['llama-head-12', { headDim: 300, heads: 2, kvHeads: 1, hiddenSize: 160, intermediateSize: 320, layers: 1 }],
  ['gpt-neox', { headDim: 80, heads: 3, kvHeads: 3, hiddenSize: 240, intermediateSize: 320, layers: 1 }],
] as const)('%s in a real width', async (name, shape) => {
  const config = { ...(await readModelConfig(join(VECTORS, name))), ...shape };
  const rotary = name === 'gpt-neox' ? { rotaryDim: 20 } : {};
  const resized = { ...config, traits: { ...config.traits, ...rotary } };
  await expectSameBits(resized, randomWeights(resized, 3, 0.1), [40, 64, 100], 260);
});

test('rows on both sides of the length that longrope and dynamic frequencies turn at do not share a batch', async () => {
  for (const name of ['phi3', 'llama-dynamic']) {
    const dir = join(VECTORS, name);
    const config = await readModelConfig(dir);
    const measurer = createMeasurer(config, await loadWeights(config, { kind: 'full', dir }));
    const rows = [31, 32, 33, 34, 50].map((length, row) => tokenRow(row, length, config.vocabularySize));
    const together = await measurer.tokenLosses(rows);
    for (const [index, row] of rows.entries()) {
      const [alone] = await measurer.tokenLosses([row]);
      expect(alone, `${name}, row ${index}`).toEqual(together[index]);
    }
    // The 33rd token changes the frequencies, and with them the losses of all before it.
    const [short, long] = await measurer.tokenLosses([tokenRow(7, 32, 71), tokenRow(7, 33, 71)]);
    expect(long!.subarray(1, 31), name).not.toEqual(short!.subarray(1, 31));
  }
});

test('a row beyond learned positions is refused', async () => {
  const dir = join(VECTORS, 'gpt2');
  const config = await readModelConfig(dir);
  const measurer = createMeasurer(config, await loadWeights(config, { kind: 'full', dir }));
  await expect(measurer.tokenLosses([tokenRow(4, 81, 71)])).rejects.toMatchObject({
    code: 'ROW_INVALID',
    message: expect.stringContaining('81 ids, the model has positions for 80'),
  });
});
