import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compareWeights,
  createMeasurer,
  HEAD,
  loadWeights,
  measureRows,
  modelTensors,
  openSafetensors,
  parseAdapterConfig,
  readAdapterConfig,
  requireAdapterBase,
  weightsDigest,
  writeSafetensors,
} from '../src/index.ts';
import { adapterConfigJson, BYTES_MODEL, writeAdapterFolder, writeModelFolder, writeWeights } from './model-folder.ts';
import { gaussianOf, randomWeights, TINY } from './reference-model.ts';

const BASE = { repo: 'me/base', revision: 'a'.repeat(40) };
const Q = 'model.layers.0.self_attn.q_proj.weight';
const DOWN = 'model.layers.1.mlp.down_proj.weight';
const RANK = 4;

let dir: string;
let baseDir: string;
const base = randomWeights(BYTES_MODEL, 1);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weights-'));
  baseDir = join(dir, 'base');
  await writeModelFolder(baseDir, BYTES_MODEL, base);
});
afterAll(() => rm(dir, { recursive: true }));

function pairsOf(targets: string[], seed = 5) {
  const gaussian = gaussianOf(seed);
  const shapes = modelTensors(BYTES_MODEL);
  const random = (length: number) => Float32Array.from({ length }, () => 0.1 * gaussian());
  return new Map(
    targets.map((target) => {
      const [out, inner] = shapes.get(target) as [number, number];
      return [target, { a: random(RANK * inner), b: random(out * RANK) }];
    }),
  );
}

let folders = 0;
async function adapter(config: object = {}, pairs = pairsOf([Q, DOWN])): Promise<string> {
  const folder = join(dir, `adapter-${folders++}`);
  const json = { ...adapterConfigJson(BASE, RANK, 8), ...config };
  await writeAdapterFolder(folder, BYTES_MODEL, { pairs, rank: RANK, config: json });
  return folder;
}
const merge = (folder: string) => loadWeights(BYTES_MODEL, { kind: 'adapter', baseDir, dir: folder });

describe('adapters', () => {
  test('are merged as W + alpha / r · B · A, and nothing else changes', async () => {
    const pairs = pairsOf([Q, DOWN]);
    const merged = await merge(await adapter({}, pairs));
    for (const [name, shape] of modelTensors(BYTES_MODEL)) {
      const pair = pairs.get(name);
      const before = base.get(name)!;
      const inner = shape.at(-1)!;
      const expected = before.map((value, index) => {
        if (!pair) return value;
        let delta = 0;
        for (let r = 0; r < RANK; r++) {
          delta += pair.b[Math.floor(index / inner) * RANK + r]! * pair.a[r * inner + (index % inner)]!;
        }
        return value + (8 / RANK) * delta;
      });
      expect(merged.get(name), name).toEqual(expected);
    }
  });

  test('give the same losses as the merged full model', async () => {
    const folder = await adapter();
    const full = join(dir, 'merged');
    await writeModelFolder(full, BYTES_MODEL, await merge(folder));
    const ids = Int32Array.from([5, 80, 260, 7, 7, 19]);
    const rows = [{ row: 0, ids, labels: ids }];
    const fromAdapter = await measureRows({ baseDir, weights: { kind: 'adapter', baseDir, dir: folder }, rows });
    const fromFull = await measureRows({ baseDir, weights: { kind: 'full', dir: full }, rows });
    const fromBase = await measureRows({ baseDir, weights: { kind: 'full', dir: baseDir }, rows });
    expect(fromAdapter).toEqual(fromFull);
    expect(fromBase.summary.loss).not.toBe(fromFull.summary.loss);
  });

  test.each([
    [{ use_dora: true }, 'use_dora'],
    [{ use_qalora: true }, 'use_qalora'],
    [{ target_parameters: ['mlp.experts.gate_up_proj'] }, 'target_parameters'],
    [{ trainable_token_indices: [0, 5] }, 'trainable_token_indices'],
    [{ layer_replication: [[0, 2]] }, 'layer_replication'],
    [{ lora_bias: true }, 'lora_bias'],
    [{ bias: 'all' }, 'bias'],
    [{ init_lora_weights: 'pissa' }, 'init_lora_weights'],
    [{ peft_type: 'IA3' }, 'peft_type'],
    [{ target_modules: '(?=q_proj).*' }, 'target_modules'],
    [{ exclude_modules: '(a)\\1' }, 'target_modules'],
    [{ rank_pattern: { '[z-a]': 4 } }, 'rank_pattern'],
  ])('%j is refused by name', (change, key) => {
    expect(() => parseAdapterConfig({ ...adapterConfigJson(BASE, RANK, 8), ...change })).toThrow(
      expect.objectContaining({ code: 'ADAPTER_UNSUPPORTED', details: { key } }),
    );
  });

  test.each([[{ r: 0 }], [{ lora_alpha: 'x' }], [{ target_modules: [] }], [{ base_model_name_or_path: null }]])(
    '%j is no adapter config',
    (change) => {
      expect(() => parseAdapterConfig({ ...adapterConfigJson(BASE, RANK, 8), ...change })).toThrow(
        expect.objectContaining({ code: 'FILE_INVALID' }),
      );
    },
  );

  test('the base must be named; the revision only has to fit where there is one', async () => {
    const named = (change: object) => readAdapterConfig(dir).then((config) => ({ ...config, ...change }));
    await writeFile(join(dir, 'adapter_config.json'), JSON.stringify(adapterConfigJson(BASE, RANK, 8)));
    requireAdapterBase(await named({}), BASE);
    requireAdapterBase(await named({ baseRevision: undefined }), BASE);
    for (const change of [{ baseRepo: 'me/other' }, { baseRevision: 'b'.repeat(40) }, { baseRevision: 'main' }]) {
      const config = await named(change);
      expect(() => requireAdapterBase(config, BASE)).toThrow(
        expect.objectContaining({ code: 'ADAPTER_BASE_MISMATCH' }),
      );
    }
  });

  test.each([
    [
      'a pair outside target_modules',
      () => adapter({ target_modules: ['q_proj'] }),
      /down_proj.weight: has a LoRA pair/,
    ],
    ['another rank than the config says', () => adapter({ r: 8 }), /expected is \[8,32\]/],
    [
      'half a pair',
      async () => {
        const folder = await adapter();
        const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';
        const data = new Float32Array(RANK * 32);
        await writeSafetensors(join(folder, 'adapter_model.safetensors'), [
          { name, shape: [RANK, 32], dtype: 'F32', data },
        ]);
        return folder;
      },
      /other half/,
    ],
    [
      'a tensor that is no LoRA weight',
      async () => {
        const folder = await adapter();
        await writeWeights(join(folder, 'adapter_model.safetensors'), BYTES_MODEL, base);
        return folder;
      },
      /is no LoRA weight and no tensor of the base/,
    ],
    [
      'a layer that the base lacks',
      async () => {
        const folder = await adapter();
        const name = 'base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight';
        const data = new Float32Array(RANK * 32);
        await writeSafetensors(join(folder, 'adapter_model.safetensors'), [
          { name, shape: [RANK, 32], dtype: 'F32', data },
        ]);
        return folder;
      },
      /the base has no model.layers.7/,
    ],
    [
      'no tensor',
      async () => {
        const folder = await adapter();
        await writeSafetensors(join(folder, 'adapter_model.safetensors'), []);
        return folder;
      },
      /holds no tensor/,
    ],
  ])('%s is a mismatch', async (_, make, message) => {
    await expect(merge(await make())).rejects.toMatchObject({
      code: 'TENSOR_MISMATCH',
      message: expect.stringMatching(message),
    });
  });

  test('a merge that overflows float32 is refused', async () => {
    const pairs = pairsOf([Q]);
    pairs.get(Q)!.a.fill(1e25);
    pairs.get(Q)!.b.fill(1e25);
    await expect(merge(await adapter({}, pairs))).rejects.toMatchObject({ code: 'WEIGHTS_NON_FINITE' });
  });
});

describe('full models', () => {
  async function load(
    config: typeof TINY,
    change: (weights: Map<string, { shape: number[]; data: Float32Array }>) => void,
  ) {
    const folder = await mkdtemp(join(dir, 'full-'));
    const random = randomWeights(config, 2);
    const tensors = new Map(
      [...modelTensors(config)].map(([name, shape]) => [name, { shape: [...shape], data: random.get(name)! }]),
    );
    change(tensors);
    await writeSafetensors(
      join(folder, 'model.safetensors'),
      [...tensors].map(([name, { shape, data }]) => ({ name, shape, data, dtype: 'F32' as const })),
    );
    return loadWeights(config, { kind: 'full', dir: folder });
  }

  test('missing, foreign and misshapen tensors are named', async () => {
    const refused = (change: Parameters<typeof load>[1]) => expect(load(TINY, change)).rejects;
    await refused((tensors) => tensors.delete(Q)).toMatchObject({ code: 'TENSOR_MISMATCH', details: { tensor: Q } });
    await refused((tensors) => tensors.set('extra', { shape: [1], data: Float32Array.of(1) })).toMatchObject({
      code: 'TENSOR_MISMATCH',
      details: { tensor: 'extra' },
    });
    await refused((tensors) => tensors.get(Q)!.shape.splice(0, 2, 32, 64)).toMatchObject({ code: 'TENSOR_MISMATCH' });
  });

  test('a tied model may bring its embedding as head, but no other', async () => {
    const embedding = (tensors: Map<string, { shape: number[]; data: Float32Array }>) =>
      tensors.get('model.embed_tokens.weight')!;
    const weights = await load(TINY, (tensors) => tensors.set(HEAD, embedding(tensors)));
    expect(weights.has(HEAD)).toBe(false);
    const other = load(TINY, (tensors) => {
      const { shape, data } = embedding(tensors);
      tensors.set(HEAD, { shape, data: data.map((value, index) => (index === 700 ? value + 1 : value)) });
    });
    await expect(other).rejects.toMatchObject({ code: 'TENSOR_MISMATCH', details: { tensor: HEAD } });
  });

  test('rotary buffers of old checkpoints are passed over', async () => {
    const name = 'model.layers.0.self_attn.rotary_emb.inv_freq';
    const weights = await load(TINY, (tensors) => tensors.set(name, { shape: [8], data: new Float32Array(8) }));
    expect(weights.has(name)).toBe(false);
  });

  test('an untied model needs its head', async () => {
    const untied = { ...TINY, tied: false };
    await expect(load(untied, (tensors) => tensors.delete(HEAD))).rejects.toMatchObject({ details: { tensor: HEAD } });
    await expect(createMeasurer(untied, randomWeights(TINY, 1)).tokenLosses([])).rejects.toMatchObject({
      code: 'TENSOR_MISSING',
    });
  });
});

describe('comparison and digest', () => {
  test('a scaled tensor changed by the factor, in the same direction; a fresh one is orthogonal', async () => {
    const changed = new Map(base);
    changed.set(
      Q,
      base.get(Q)!.map((value) => value * 1.5),
    );
    changed.set(DOWN, randomWeights(BYTES_MODEL, 99).get(DOWN)!);
    const store = await openSafetensors(baseDir);
    const { tensors, relative } = await compareWeights(BYTES_MODEL, store, changed);
    const same = await compareWeights(BYTES_MODEL, store, base);
    await store.close();
    const of = (wanted: string) => tensors.find(({ name }) => name === wanted)!;
    expect(of(Q).relative).toBeCloseTo(0.5, 5);
    expect(of(Q).cosine).toBeCloseTo(1, 6);
    expect(of(DOWN).relative).toBeCloseTo(Math.SQRT2, 1);
    expect(Math.abs(of(DOWN).cosine)).toBeLessThan(0.1);
    expect(relative).toBeGreaterThan(0);
    expect(tensors.filter((tensor) => tensor.relative > 0)).toHaveLength(2);
    expect(same.relative).toBe(0);
  });

  test('the digest sees every weight and no packing', async () => {
    const digest = await weightsDigest(BYTES_MODEL, base);
    expect(await weightsDigest(BYTES_MODEL, new Map([...base].reverse()))).toBe(digest);
    const nudged = new Map(base);
    nudged.set(
      DOWN,
      base.get(DOWN)!.map((value, index) => (index === 9 ? value + 1e-3 : value)),
    );
    expect(await weightsDigest(BYTES_MODEL, nudged)).not.toBe(digest);
    // A widened copy of 16-bit weights is the same model.
    const narrow = join(dir, 'narrow');
    const wide = join(dir, 'wide');
    await writeModelFolder(narrow, BYTES_MODEL, base, 'BF16');
    const rounded = await loadWeights(BYTES_MODEL, { kind: 'full', dir: narrow });
    await writeModelFolder(wide, BYTES_MODEL, rounded, 'F32');
    const widened = await loadWeights(BYTES_MODEL, { kind: 'full', dir: wide });
    expect(await weightsDigest(BYTES_MODEL, widened)).toBe(await weightsDigest(BYTES_MODEL, rounded));
    expect(await weightsDigest(BYTES_MODEL, rounded)).not.toBe(digest);
  });
});
