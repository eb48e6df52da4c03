import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import {
  ADAPTER_WEIGHTS_FILE,
  createMeasurer,
  loadWeights,
  openSafetensorsFile,
  readAdapterConfig,
  readModelConfig,
  requireAdapterBase,
  trainModel,
} from '../src/index.ts';

/** Adapters written by PEFT and the losses that PEFT gives them; `vectors/lora/make.py` makes them. */
const FOLDER = join(import.meta.dirname, 'vectors', 'lora');
const { rows, expected, versions } = JSON.parse(await readFile(join(FOLDER, 'expected.json'), 'utf8')) as {
  versions: Record<string, string>;
  rows: number[][];
  expected: Record<string, { base: string; losses: number[][] }>;
};
const tokenRows = rows.map((ids, row) => ({ row, ids: Int32Array.from(ids), labels: Int32Array.from(ids) }));

async function lossesOf(base: string, name: string) {
  const baseDir = join(FOLDER, base);
  const config = await readModelConfig(baseDir);
  const dir = join(FOLDER, name);
  const source = name === base ? ({ kind: 'full', dir } as const) : ({ kind: 'adapter', baseDir, dir } as const);
  const measurer = createMeasurer(config, await loadWeights(config, source));
  const tokens = (await measurer.tokenLosses(tokenRows)).map((losses) => [...losses]);
  return { tokens, loss: (await measurer.measure(tokenRows)).summary.loss };
}

test('the vectors come from a PEFT of this generation', () => {
  expect(versions['peft']).toMatch(/^0\.(2\d|[3-9]\d)/);
});

test.each(Object.entries(expected))('%s: every token as PEFT has it', async (name, { base, losses }) => {
  const { tokens, loss } = await lossesOf(base, name);
  const flat = losses.flat();
  tokens.flat().forEach((value, index) => {
    expect(Math.abs(value - flat[index]!), `token ${index}`).toBeLessThan(1e-4);
  });
  expect(tokens.flat()).toHaveLength(flat.length);
  expect(Math.abs(loss - flat.reduce((sum, value) => sum + value, 0) / flat.length)).toBeLessThan(1e-5);
});

test.each(Object.keys(expected).filter((name) => expected[name]!.base !== name))('%s names its base', async (name) => {
  const config = await readAdapterConfig(join(FOLDER, name));
  const repo = `tiny/${basename(expected[name]!.base)}`;
  requireAdapterBase(config, { repo, revision: 'a'.repeat(40) });
  expect(() => requireAdapterBase(config, { repo, revision: 'b'.repeat(40) })).toThrow(
    expect.objectContaining({ code: 'ADAPTER_BASE_MISMATCH' }),
  );
});

test('what PEFT read of our trainer is what our trainer still writes', async () => {
  const { trainedArgs } = await import(join(FOLDER, 'trained-recipe.js'));
  const outDir = await mkdtemp(join(tmpdir(), 'trained-'));
  await trainModel(trainedArgs(join(FOLDER, 'llama'), outDir));
  const config = (dir: string) => readFile(join(dir, 'adapter_config.json'), 'utf8');
  expect(await config(join(outDir, 'model'))).toBe(await config(join(FOLDER, 'trained')));
  const [written, kept] = await Promise.all(
    [join(outDir, 'model'), join(FOLDER, 'trained')].map((dir) => openSafetensorsFile(join(dir, ADAPTER_WEIGHTS_FILE))),
  );
  expect([...written!.entries.keys()].sort()).toEqual([...kept!.entries.keys()].sort());
  for (const name of kept!.entries.keys()) {
    const expected = await kept!.read(name);
    // Other processors add up in another order.
    (await written!.read(name)).forEach((value, index) => {
      expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-3);
    });
  }
  await Promise.all([written!.close(), kept!.close(), rm(outDir, { recursive: true })]);
});
