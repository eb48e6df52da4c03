import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenRow } from '@tuning/protocol';
import { afterEach, expect, test, vi } from 'vitest';
import {
  createMeasurer,
  createSharedMeasurer,
  type HeldWeights,
  loadRuntime,
  type ModelConfig,
  mapWeights,
  openModelWeights,
} from '../src/index.ts';
import { planBatches } from '../src/measure/batches.ts';
import { BYTES_MODEL, writeModelFolder } from './model-folder.ts';
import { randomOf, randomWeights, TINY } from './reference-model.ts';

afterEach(() => vi.restoreAllMocks());

function tokenRow(row: number, length: number): TokenRow {
  const random = randomOf(row + 1);
  const ids = Int32Array.from({ length }, () => Math.floor(random() * TINY.vocabularySize));
  return { row, ids, labels: ids };
}
/** Short rows, longer and long ones: three batch shapes. */
const ROWS = [
  ...Array.from({ length: 60 }, (_, index) => tokenRow(index, 20 + (index % 12))),
  ...[100, 110, 120, 128, 115, 105].flatMap((length, at) => [0, 1, 2, 3].map((i) => tokenRow(60 + 4 * at + i, length))),
  ...[600, 700, 610, 640, 690].map((length, at) => tokenRow(90 + at, length)),
];
const SHAPES = new Set(planBatches(ROWS, TINY).batches.map(({ tokens }) => tokens)).size;

/** Every session that onnxruntime itself makes from now on. */
async function countSessions() {
  const create = vi.spyOn((await loadRuntime()).InferenceSession, 'create');
  return () => create.mock.calls.length;
}
const alone = (weights: HeldWeights, config: ModelConfig = TINY, rows = ROWS) =>
  createMeasurer(config, weights).measure(rows);
const Q = 'model.layers.0.self_attn.q_proj.weight';
const fulfilled = <T>(value: T) => ({ status: 'fulfilled', value });

test('three models are measured with one session per batch shape, each with the bits it has alone', async () => {
  expect(SHAPES).toBe(3);
  const models = [randomWeights(TINY, 7), randomWeights(TINY, 8), randomWeights(TINY, 7, 0.1)];
  const options = { dropped: { over_length: 2 } };
  const each = [];
  for (const weights of models) each.push(await createMeasurer(TINY, weights).measure(ROWS, options));
  expect(new Set(each.map(({ summary }) => summary.loss)).size).toBe(3);
  for (const threads of [1, 2]) {
    const sessions = await countSessions();
    const together = await createSharedMeasurer(TINY, models, { threads }).measure(ROWS, options);
    expect(sessions()).toBe(SHAPES);
    expect(together).toEqual(each.map(fulfilled));
    vi.restoreAllMocks();
  }
});

test('the second model compiles nothing', async () => {
  const [first, second] = [randomWeights(TINY, 7), randomWeights(TINY, 8)];
  const sessions = await countSessions();
  await createSharedMeasurer(TINY, [first], { threads: 1 }).measure(ROWS);
  const ofOne = sessions();
  await createSharedMeasurer(TINY, [first, second], { threads: 1 }).measure(ROWS);
  expect(sessions() - ofOne).toBe(ofOne);
});

test('a model whose loss is no number, or that lacks a tensor, is refused alone', async () => {
  const config = { ...TINY, tied: false };
  const [first, broken, lacking, last] = [7, 8, 9, 10].map((seed) => randomWeights(config, seed));
  // A token that comes up in the last bucket only, after hundreds of good losses.
  const rare = TINY.vocabularySize - 1;
  broken!.get('model.embed_tokens.weight')!.fill(Number.NaN, rare * TINY.hiddenSize);
  lacking!.delete(Q);
  const rows = ROWS.map(({ row, ids }) => {
    const common = ids.map((id) => id % rare);
    if (row === ROWS.at(-1)!.row) common[300] = rare;
    return { row, ids: common, labels: common };
  });
  const sessions = await countSessions();
  const models = [first!, broken!, lacking!, last!];
  const batches: number[] = [];
  const together = await createSharedMeasurer(config, models, { threads: 1 }).measure(rows, {
    onProgress: ({ model }) => model === 1 && batches.push(model),
  });
  expect(sessions()).toBe(SHAPES);
  expect(batches.length).toBeGreaterThan(2);
  expect(together).toEqual([
    fulfilled(await alone(first!, config, rows)),
    { status: 'rejected', reason: expect.objectContaining({ code: 'NON_FINITE_LOSS' }) },
    { status: 'rejected', reason: expect.objectContaining({ code: 'TENSOR_MISSING' }) },
    fulfilled(await alone(last!, config, rows)),
  ]);
  await expect(alone(broken!, config, rows)).rejects.toEqual((together[1] as PromiseRejectedResult).reason);
});

test('where all are refused nothing more is compiled', async () => {
  const broken = randomWeights(TINY, 9);
  broken.get('model.norm.weight')!.fill(Number.NaN);
  const sessions = await countSessions();
  const [one, other] = await createSharedMeasurer(TINY, [broken, broken], { threads: 1 }).measure(ROWS);
  expect([one, other]).toMatchObject([
    { reason: { code: 'NON_FINITE_LOSS' } },
    { reason: { code: 'NON_FINITE_LOSS' } },
  ]);
  expect(sessions()).toBe(1);
});

test('mapped weights are part of a session, so each model is measured by itself, with the same outcome', async () => {
  const root = await mkdtemp(join(tmpdir(), 'shared-measurer-'));
  const rows = ROWS.slice(0, 4);
  const models = [7, 8, 9].map((seed) => randomWeights(BYTES_MODEL, seed));
  models[1]!.set(
    Q,
    models[1]!.get(Q)!.map((value) => value * 1e38),
  );
  const mapped = [];
  try {
    for (const [index, weights] of models.entries()) {
      await writeModelFolder(join(root, String(index)), BYTES_MODEL, weights);
      mapped.push(await mapWeights(BYTES_MODEL, await openModelWeights(BYTES_MODEL, join(root, String(index)))));
    }
    const expected = await createSharedMeasurer(BYTES_MODEL, models, { threads: 1 }).measure(rows);
    expect(expected.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const seen = new Set<number>();
    const sessions = await countSessions();
    const measured = await createSharedMeasurer(BYTES_MODEL, mapped, { threads: 1 }).measure(rows, {
      onProgress: ({ model }) => seen.add(model),
    });
    expect(sessions()).toBe(3);
    expect(measured).toEqual(expected);
    expect(seen).toEqual(new Set([0, 2]));
    const invalid = [{ row: 0, ids: Int32Array.from([1, -1]), labels: Int32Array.from([1, 1]) }];
    for (const weights of [models, mapped]) {
      const measurer = createSharedMeasurer(BYTES_MODEL, weights, { threads: 1 });
      await expect(measurer.measure(invalid)).rejects.toMatchObject({ code: 'ROW_INVALID' });
      await expect(measurer.measure([])).rejects.toMatchObject({ code: 'NO_ROWS' });
    }
  } finally {
    for (const weights of mapped) await weights.close();
    await rm(root, { recursive: true });
  }
});

test('progress names the model and counts its rows; an abort stops between batches', async () => {
  const models = [randomWeights(TINY, 7), randomWeights(TINY, 8)];
  const measurer = createSharedMeasurer(TINY, models, { threads: 1 });
  const seen: number[][] = [[], []];
  await measurer.measure(ROWS, { onProgress: ({ model, doneRows }) => seen[model]!.push(doneRows) });
  expect(seen[0]!.at(-1)).toBe(ROWS.length);
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[0]).toEqual([...seen[0]!].sort((a, b) => a - b));
  const aborter = new AbortController();
  let batches = 0;
  const stopped = measurer.measure(ROWS, {
    signal: aborter.signal,
    onProgress: () => {
      batches++;
      aborter.abort(new Error('stop'));
    },
  });
  await expect(stopped).rejects.toThrow('stop');
  expect(batches).toBe(1);
});
