import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TokenRow } from '@tuning/protocol';
import { describe, expect, test } from 'vitest';
import {
  createHalfMeasurer,
  createMeasurer,
  loadWeights,
  type ModelConfig,
  mapWeights,
  openSafetensors,
  readModelConfig,
  type TokenLosses,
} from '../src/index.ts';

const VECTORS = join(import.meta.dirname, 'vectors/families');

const tokenRow = (ids: readonly number[], row: number): TokenRow => {
  const typed = Int32Array.from(ids);
  return { row, ids: typed, labels: typed };
};

function largestDifference(a: readonly TokenLosses[], b: readonly TokenLosses[]): number {
  return Math.max(...a.flatMap((row, i) => [...row].map((value, at) => Math.abs(value - b[i]![at]!))));
}

/**
 * The float16 graph on the CPU provider, which emulates its rounding; a GPU adds up in another order, too. The weights of
 * these models are large and random, so that they magnify whatever is rounded: measured were up to 0.114 a token (qwen2,
 * whose biases make scores of dozens) and 8.2e-4 in the mean. devnet's model: 0.012 and 1.2e-5.
 */
describe('float16 against float32', () => {
  test.each(readdirSync(VECTORS))('%s', async (name) => {
    const { rows, half } = JSON.parse(readFileSync(join(VECTORS, name, 'vector.json'), 'utf8'));
    const set = (rows as number[][]).map(tokenRow);
    for (const dir of [join(VECTORS, name), ...(half ? [join(VECTORS, name, 'half')] : [])]) {
      const config = await readModelConfig(dir);
      const weights = await loadWeights(config, { kind: 'full', dir });
      const wide = createMeasurer(config, weights);
      const narrow = createHalfMeasurer(config, weights, {});
      const losses = await narrow.tokenLosses(set);
      const difference = largestDifference(losses, await wide.tokenLosses(set));
      expect(difference).toBeLessThan(0.2);
      expect(difference, 'nothing was rounded').toBeGreaterThan(5e-4);
      const { summary } = await narrow.measure(set);
      expect(summary.arithmetic).toEqual({ device: 'cpu', precision: 'float16', rowsInFloat32: 0 });
      expect(Math.abs(summary.loss - (await wide.measure(set)).summary.loss)).toBeLessThan(2e-3);
      const mapped = await mapWeights(config, await openSafetensors(dir));
      expect(await createHalfMeasurer(config, mapped, {}).tokenLosses(set), 'weights in their files').toEqual(losses);
      await mapped.close();
    }
  });
});

describe('what float16 cannot hold', () => {
  const dir = join(VECTORS, 'llama');
  /** The llama vector with `factor` moved from one matrix into another: the same losses but for rounding. */
  async function scaled(factor: number): Promise<[ModelConfig, Map<string, Float32Array>]> {
    const config = await readModelConfig(dir);
    const weights = await loadWeights(config, { kind: 'full', dir });
    const scale = (name: string, by: number) => {
      const key = `model.layers.0.self_attn.${name}.weight`;
      weights.set(
        key,
        weights.get(key)!.map((value) => value * by),
      );
    };
    scale('v_proj', factor);
    scale('o_proj', 1 / factor);
    return [config, weights];
  }

  test.each([
    ['a product', 2 ** 14],
    ['a weight', 2 ** 20],
  ])('%s: rows are measured in float32, and counted', async (_, factor) => {
    const [config, weights] = await scaled(factor);
    const { rows } = JSON.parse(readFileSync(join(dir, 'vector.json'), 'utf8'));
    const set = (rows as number[][]).map(tokenRow);
    await expect(createMeasurer(config, weights, { precision: 'float16' }).tokenLosses(set)).rejects.toMatchObject({
      code: 'NON_FINITE_LOSS',
    });
    const { rows: losses, summary } = await createHalfMeasurer(config, weights, {}).measure(set);
    expect(summary.arithmetic).toEqual({ device: 'cpu', precision: 'float16', rowsInFloat32: set.length });
    expect(losses).toEqual((await createMeasurer(config, weights).measure(set)).rows);
  });

  test('is a matter of each row by itself', async () => {
    const [config, weights] = await scaled(10_600);
    const set = Array.from({ length: config.vocabularySize }, (_, id) => tokenRow([id, id, id], id));
    const half = createHalfMeasurer(config, weights, {});
    const count = (await half.measure(set)).summary.arithmetic!.rowsInFloat32;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(set.length);
    const together = await half.tokenLosses(set);
    const alone = [];
    for (const row of set.slice(0, 8)) alone.push(...(await half.tokenLosses([row])));
    expect(alone).toEqual(together.slice(0, 8));
  });

  test('what float32 cannot hold either is refused', async () => {
    const [config, weights] = await scaled(1);
    weights.get('model.layers.0.self_attn.v_proj.weight')!.fill(3e38);
    await expect(createHalfMeasurer(config, weights, {}).tokenLosses([tokenRow([1, 2, 3], 0)])).rejects.toMatchObject({
      code: 'NON_FINITE_LOSS',
    });
  });
});
