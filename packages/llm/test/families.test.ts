import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TokenRow } from '@tuning/protocol';
import { describe, expect, test } from 'vitest';
import { createMeasurer, FAMILIES, loadWeights, mapWeights, openSafetensors, readModelConfig } from '../src/index.ts';

const VECTORS = join(import.meta.dirname, 'vectors/families');
const CASES = readdirSync(VECTORS);

interface Losses {
  nll: number[][];
  loss: number;
}
interface Vector extends Losses {
  rows: number[][];
  half?: Losses & { dtype: string };
}

async function compare(dir: string, rows: readonly number[][], expected: Losses): Promise<void> {
  const config = await readModelConfig(dir);
  const weights = await loadWeights(config, { kind: 'full', dir });
  const set = rows.map((ids, row): TokenRow => ({ row, ids: Int32Array.from(ids), labels: Int32Array.from(ids) }));
  const measurer = createMeasurer(config, weights);
  const losses = await measurer.tokenLosses(set);
  for (const [row, nll] of expected.nll.entries()) {
    expect(losses[row]!.length).toBe(nll.length);
    const differences = nll.map((value, at) => Math.abs(value - losses[row]![at]!));
    expect(Math.max(...differences), `row ${row}`).toBeLessThan(1e-4);
  }
  expect(Math.abs((await measurer.measure(set)).summary.loss - expected.loss)).toBeLessThan(1e-5);
  const mapped = await mapWeights(config, await openSafetensors(dir));
  expect(await createMeasurer(config, mapped).tokenLosses(set), 'weights that stay in their files').toEqual(losses);
  await mapped.close();
}

/** Made by transformers itself: see vectors/make-family-vectors.py. */
describe('token losses of models that transformers wrote and measured', () => {
  test.each(CASES)('%s', async (name) => {
    const vector = JSON.parse(readFileSync(join(VECTORS, name, 'vector.json'), 'utf8')) as Vector;
    await compare(join(VECTORS, name), vector.rows, vector);
    if (vector.half) await compare(join(VECTORS, name, 'half'), vector.rows, vector.half);
  });

  test('every family has one', async () => {
    const seen = new Set<string>();
    for (const name of CASES) seen.add((await readModelConfig(join(VECTORS, name))).traits.family);
    expect([...seen].sort()).toEqual(FAMILIES.map(({ modelType }) => modelType).sort());
  });
});
