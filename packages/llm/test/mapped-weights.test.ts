import { mkdir, mkdtemp, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenRow } from '@tuning/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compareWeights,
  createMeasurer,
  floatBytes,
  holdWeights,
  loadWeights,
  MAPPED_FROM_BYTES,
  mapWeights,
  openSafetensors,
  parseModelConfig,
  readModelConfig,
  weightsDigest,
} from '../src/index.ts';
import { BYTES_MODEL, configJson, writeModelFolder } from './model-folder.ts';
import { randomWeights } from './reference-model.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mapped-'));
});
afterAll(() => rm(root, { recursive: true }));

const ids = Int32Array.from({ length: 70 }, (_, at) => (at * 37) % BYTES_MODEL.vocabularySize);
const rows: TokenRow[] = [{ row: 0, ids, labels: ids }];
let folders = 0;

async function folder(seed: number, dtype: 'F32' | 'BF16' | 'F16' = 'F32'): Promise<string> {
  const dir = join(root, `model-${folders++}`);
  await writeModelFolder(dir, BYTES_MODEL, randomWeights(BYTES_MODEL, seed), dtype);
  return dir;
}

const lossesInMemory = async (dir: string) =>
  createMeasurer(BYTES_MODEL, await loadWeights(BYTES_MODEL, { kind: 'full', dir })).tokenLosses(rows);

test.each(['F32', 'BF16', 'F16'] as const)(
  '%s: digest and comparison are those of weights in memory',
  async (dtype) => {
    const dir = await folder(1, dtype);
    const base = await openSafetensors(await folder(2));
    const inMemory = await loadWeights(BYTES_MODEL, { kind: 'full', dir });
    const mapped = await mapWeights(BYTES_MODEL, await openSafetensors(dir));
    expect(await weightsDigest(BYTES_MODEL, mapped)).toBe(await weightsDigest(BYTES_MODEL, inMemory));
    expect(await compareWeights(BYTES_MODEL, base, mapped)).toEqual(await compareWeights(BYTES_MODEL, base, inMemory));
    await mapped.close();
    await base.close();
  },
);

/** Adapters that PEFT wrote: pairs, whole tensors, both on one, transposed matrices, 16-bit bases. */
describe('adapters on mapped weights have the bits of adapters merged in memory', () => {
  const lora = join(import.meta.dirname, 'vectors', 'lora');
  test.each(['alpha', 'saved', 'saved-untied', 'embedding', 'head', 'family-gpt2', 'family-phi3'])(
    '%s',
    async (name) => {
      const expected = JSON.parse(await readFile(join(lora, 'expected.json'), 'utf8'));
      const baseDir = join(lora, expected.expected[name].base);
      const config = await readModelConfig(baseDir);
      const set = (expected.rows as number[][]).map((row, index): TokenRow => {
        return { row: index, ids: Int32Array.from(row), labels: Int32Array.from(row) };
      });
      const losses = await Promise.all(
        [false, true].map(async (mapped) => {
          const held = await holdWeights(config, await openSafetensors(baseDir), { scratchDir: root, mapped });
          const merged = await held.merge(join(lora, name));
          const result = await createMeasurer(config, merged.weights).tokenLosses(set);
          await merged.close();
          return result;
        }),
      );
      expect(losses[1]).toEqual(losses[0]);
    },
  );
});

describe('only the file that was checked is ever mapped', () => {
  test('a file that takes its place afterwards is not opened, whatever its name', async () => {
    const dir = await folder(3);
    const path = join(dir, 'model.safetensors');
    const expected = await lossesInMemory(dir);
    const mapped = await mapWeights(BYTES_MODEL, await openSafetensors(dir));
    const measure = () => createMeasurer(BYTES_MODEL, mapped).tokenLosses(rows);
    const other = join(await folder(4), 'model.safetensors');
    // Moved: still the same file.
    await rename(path, join(dir, 'moved'));
    await rename(other, path);
    expect(await measure()).toEqual(expected);
    expect(await lossesInMemory(dir)).not.toEqual(expected);
    // Gone: the link of its descriptor ends in "moved (deleted)", and so may the name of another.
    await unlink(join(dir, 'moved'));
    await expect(measure()).rejects.toThrow(/No such file/);
    await rename(path, join(dir, 'moved (deleted)'));
    expect(await measure()).toEqual(expected);
    await mapped.close();
  });

  test('nor is a link', async () => {
    const dir = await folder(3);
    const path = join(dir, 'model.safetensors');
    const expected = await lossesInMemory(dir);
    const mapped = await mapWeights(BYTES_MODEL, await openSafetensors(dir));
    await rename(path, join(dir, 'moved'));
    await symlink(join(await folder(5), 'model.safetensors'), path);
    expect(await createMeasurer(BYTES_MODEL, mapped).tokenLosses(rows)).toEqual(expected);
    await mapped.close();
  });

  test('a link in the first place is refused', async () => {
    const dir = join(root, 'linked');
    await mkdir(dir);
    await symlink(join(await folder(6), 'model.safetensors'), join(dir, 'model.safetensors'));
    await expect(openSafetensors(dir)).rejects.toMatchObject({ code: 'SAFETENSORS_INVALID' });
  });

  test('weights that are not finite are found before anything is mapped', async () => {
    const dir = join(root, 'infinite');
    const weights = new Map(randomWeights(BYTES_MODEL, 7));
    weights.get('model.norm.weight')![3] = Number.POSITIVE_INFINITY;
    await writeModelFolder(dir, BYTES_MODEL, weights, 'BF16');
    await expect(mapWeights(BYTES_MODEL, await openSafetensors(dir))).rejects.toMatchObject({
      code: 'WEIGHTS_NON_FINITE',
    });
  });
});

test('what an earlier try left in the scratch folder is replaced, a link is not followed', async () => {
  const [scratchDir, outside] = [join(root, 'scratch'), join(root, 'outside')];
  await mkdir(scratchDir);
  await writeFile(outside, 'precious');
  await symlink(outside, join(scratchDir, 'merged-weights.f32'));
  const lora = join(import.meta.dirname, 'vectors', 'lora');
  const config = await readModelConfig(join(lora, 'llama'));
  const held = await holdWeights(config, await openSafetensors(join(lora, 'llama')), { scratchDir, mapped: true });
  await (await held.merge(join(lora, 'plain'))).close();
  expect(await readFile(outside, 'utf8')).toBe('precious');
});

test('a model is mapped from 2 GiB of float32 on', async () => {
  const large = parseModelConfig({ ...configJson(BYTES_MODEL), vocab_size: 32_000, hidden_size: 1_536 });
  expect(floatBytes(BYTES_MODEL)).toBeLessThan(MAPPED_FROM_BYTES);
  expect(floatBytes(large)).toBeGreaterThan(4 * 32_000 * 1_536);
  const held = await holdWeights(BYTES_MODEL, await openSafetensors(await folder(8)), { scratchDir: root });
  expect(held.weights).toBeInstanceOf(Map);
});
