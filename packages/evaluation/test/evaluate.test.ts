import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HEAD, loadWeights, type ModelWeights, modelTensors, type WeightDtype } from '@tuning/llm';
import type { VerdictCode } from '@tuning/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  adapterConfigJson,
  configJson,
  writeAdapterFolder,
  writeModelFolder,
  writeWeights,
} from '../../llm/test/model-folder.ts';
import { randomWeights } from '../../llm/test/reference-model.ts';
import { evaluate } from '../src/evaluate.ts';
import type { EvaluationJobInput } from '../src/job-input.ts';
import type { WeightSpace } from '../src/judge.ts';
import { evaluationOutcomeSchema } from '../src/outcome.ts';
import { FINE_TUNING, LORA, MODEL, pretrain } from './tiny-models.ts';
import { textRows, train } from './training-runs.ts';

const EXPECTED = { baseRepo: 'me/base', baseRevision: 'a'.repeat(40) };
const BASE = { repo: EXPECTED.baseRepo, revision: EXPECTED.baseRevision };
const Q = 'model.layers.0.self_attn.q_proj.weight';

let root: string;
let baseDir: string;
let base: ModelWeights;
let full: { dir: string; weights: ModelWeights };
let adapter: { dir: string; weights: ModelWeights };
let rowsFile: string;
let space: WeightSpace;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'evaluate-'));
  baseDir = await pretrain(root, 1);
  base = await loadWeights(MODEL, { kind: 'full', dir: baseDir });
  const rows = await textRows(baseDir, FINE_TUNING);
  full = await train(MODEL, { baseDir, rows, outDir: join(root, 'full') });
  adapter = await train(MODEL, {
    baseDir,
    rows,
    outDir: join(root, 'adapter'),
    recipe: { lora: LORA, learningRate: 1e-2 },
  });
  rowsFile = join(root, 'rows.jsonl');
  space = { scratchDir: root };
  await writeFile(rowsFile, [...FINE_TUNING, 'x'.repeat(80)].map((text) => `${JSON.stringify({ text })}\n`).join(''));
}, 60_000);
afterAll(() => rm(root, { recursive: true }));

function input(submissionDir: string | undefined, change: Partial<EvaluationJobInput> = {}): EvaluationJobInput {
  return {
    baseDir,
    ...(submissionDir === undefined ? {} : { submissionDir }),
    expected: EXPECTED,
    sets: [{ name: 'test', rowsFile }],
    datasetType: 'completion',
    sequenceLen: 128,
    threads: 1,
    ...change,
  };
}
/** The outcome, checked against the schema that the daemon reads it with. */
async function outcomeOf(submissionDir: string | undefined, change?: Partial<EvaluationJobInput>) {
  return evaluationOutcomeSchema.parse(await evaluate(input(submissionDir, change), () => {}, space));
}

let copies = 0;
/** A copy of a folder, changed. */
async function copy(dir: string, change: (folder: string) => Promise<unknown>): Promise<string> {
  const folder = join(root, `copy-${copies++}`);
  await cp(dir, folder, { recursive: true });
  await change(folder);
  return folder;
}
const withJson = (name: string, change: object) => async (folder: string) => {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...change }));
};
const withWeights =
  (change: (weights: Map<string, Float32Array>) => void, dtype: WeightDtype = 'F32') =>
  (folder: string) => {
    const weights = new Map(full.weights);
    change(weights);
    return writeWeights(join(folder, 'model.safetensors'), MODEL, weights, dtype);
  };

describe('measuring', () => {
  test('the base, a full fine-tune and an adapter; fine-tuning lowers the loss', async () => {
    const measured = await Promise.all([undefined, full.dir, adapter.dir].map((dir) => outcomeOf(dir)));
    expect(measured.map(({ kind }) => kind)).toEqual(['base', 'full', 'adapter']);
    expect(measured.map(({ verdict }) => verdict.code)).toEqual(['accepted', 'accepted', 'accepted']);
    const losses = measured.map(({ sets }) => sets['test']!.summary.loss);
    expect(losses[1]).toBeLessThan(losses[0]! / 2);
    expect(losses[2]).toBeLessThan(losses[0]! / 2);
    expect(measured[0]!.weightsDigest).toBeUndefined();
    for (const { sets } of measured) expect(sets['test']!.rows.row).toHaveLength(121);
  });

  test('a large model’s weights stay in their files, with the same outcome', async () => {
    for (const dir of [undefined, full.dir, adapter.dir]) {
      const job = input(dir, { sketchSeed: '5'.repeat(64) });
      const [inMemory, mapped] = [
        await evaluate(job, () => {}, space),
        await evaluate(job, () => {}, { ...space, mapped: true }),
      ];
      expect(mapped).toEqual(inMemory);
    }
  });

  test('several sets are measured in one go; dropped rows are counted by reason', async () => {
    const sets = [
      { name: 'synthetic', rowsFile },
      { name: 'test', rowsFile },
    ];
    const seen: string[] = [];
    const outcome = await evaluate(input(full.dir, { sets, sequenceLen: 60 }), ({ set }) => seen.push(set), space);
    expect(Object.keys(outcome.sets)).toEqual(['synthetic', 'test']);
    expect(outcome.sets['test']).toEqual(outcome.sets['synthetic']);
    // Plain text is cut into sequences, a row of 80 characters into two.
    expect(outcome.sets['test']!.summary.rowsDropped).toEqual(outcome.dropped['test']);
    expect(new Set(seen)).toEqual(new Set(['synthetic', 'test']));
  });

  test('custom prompts are masked, and rows that do not fit are dropped', async () => {
    const rows = [
      { instruction: 'name it', output: 'stone' },
      { instruction: 'name it', output: 'y'.repeat(200) },
      { instruction: 'name it', output: '' },
    ];
    const file = join(root, 'custom.jsonl');
    await writeFile(file, rows.map((row) => JSON.stringify(row)).join('\n'));
    const datasetType = { field_instruction: 'instruction', field_output: 'output' };
    const { sets, dropped } = await outcomeOf(full.dir, { sets: [{ name: 'test', rowsFile: file }], datasetType });
    // The five letters of the answer and the end token.
    expect(sets['test']!.rows).toMatchObject({ row: [0], tokens: [6] });
    expect(Object.values(dropped['test']!).reduce((sum, count) => sum + count, 0)).toBe(2);
  });

  test('nothing from the submission but its tensors is used', async () => {
    const hostile = await copy(full.dir, async (folder) => {
      await writeFile(join(folder, 'tokenizer.json'), '{"model":{"type":"BPE","vocab":{},"merges":[]}}');
      await writeFile(join(folder, 'tokenizer_config.json'), 'not json');
    });
    expect((await outcomeOf(hostile)).sets).toEqual((await outcomeOf(full.dir)).sets);
  });
});

describe('copies', () => {
  test('an adapter and its merged copy have one digest, and the same losses', async () => {
    const merged = join(root, 'merged');
    await writeModelFolder(merged, MODEL, adapter.weights);
    const [first, second, other] = await Promise.all([adapter.dir, merged, full.dir].map((dir) => outcomeOf(dir)));
    expect(second!.kind).toBe('full');
    expect(second!.weightsDigest).toBe(first!.weightsDigest);
    expect(second!.sets).toEqual(first!.sets);
    expect(other!.weightsDigest).not.toBe(first!.weightsDigest);
  });
});

describe('verdicts', () => {
  const cases: [VerdictCode, string, () => Promise<string>][] = [
    ['identical_to_base', 'the base as it is', async () => baseDir],
    [
      'identical_to_base',
      'the base with a head that repeats the embedding',
      () =>
        copy(baseDir, async (folder) => {
          const { writeSafetensors } = await import('@tuning/llm');
          const tensors = [...modelTensors({ ...MODEL, tied: false })].map(([name, shape]) => ({
            name,
            shape,
            dtype: 'F32' as const,
            data: base.get(name === HEAD ? 'model.embed_tokens.weight' : name)!,
          }));
          await writeSafetensors(join(folder, 'model.safetensors'), tensors);
        }),
    ],
    [
      'identical_to_base',
      'an adapter whose B is zero',
      async () => {
        const pair = { a: new Float32Array(4 * 32).fill(1), b: new Float32Array(64 * 4) };
        const folder = join(root, 'zero');
        await writeAdapterFolder(folder, MODEL, {
          pairs: new Map([[Q, pair]]),
          rank: 4,
          config: adapterConfigJson(BASE, 4, 8),
        });
        return folder;
      },
    ],
    [
      'unrelated_weights',
      'other random weights',
      async () => {
        const folder = join(root, 'unrelated');
        await writeModelFolder(folder, MODEL, randomWeights(MODEL, 77, 0.05));
        return folder;
      },
    ],
    ['missing_file', 'no config', () => copy(full.dir, (folder) => rm(join(folder, 'config.json')))],
    ['missing_file', 'no weights', () => copy(full.dir, (folder) => rm(join(folder, 'model.safetensors')))],
    [
      'missing_file',
      'no adapter weights',
      () => copy(adapter.dir, (folder) => rm(join(folder, 'adapter_model.safetensors'))),
    ],
    ['bad_config', 'broken JSON', () => copy(full.dir, (folder) => writeFile(join(folder, 'config.json'), '{'))],
    [
      'bad_config',
      'a key twice',
      () =>
        copy(full.dir, (folder) =>
          writeFile(join(folder, 'config.json'), JSON.stringify(configJson(MODEL)).replace('{', '{"model_type":"x",')),
        ),
    ],
    [
      'bad_config',
      'another architecture',
      () => copy(full.dir, withJson('config.json', { architectures: ['EvilModel'] })),
    ],
    ['bad_config', 'remote code', () => copy(full.dir, withJson('config.json', { auto_map: { AutoModel: 'x.y' } }))],
    ['bad_config', 'another arithmetic', () => copy(full.dir, withJson('config.json', { rope_theta: 500 }))],
    [
      'bad_safetensors',
      'a truncated file',
      () =>
        copy(full.dir, async (folder) => {
          const path = join(folder, 'model.safetensors');
          await writeFile(path, (await readFile(path)).subarray(0, -100));
        }),
    ],
    [
      'bad_safetensors',
      'no safetensors at all',
      () => copy(full.dir, (folder) => writeFile(join(folder, 'model.safetensors'), 'PK'.repeat(50))),
    ],
    [
      'tensor_mismatch',
      'a layer more than the base has',
      async () => {
        const folder = await copy(full.dir, async () => {});
        const larger = { ...MODEL, layers: 3 };
        await writeWeights(join(folder, 'model.safetensors'), larger, randomWeights(larger, 3));
        return folder;
      },
    ],
    [
      'tensor_mismatch',
      'another 16-bit format than the base',
      () =>
        copy(
          full.dir,
          withWeights(() => {}, 'F16'),
        ),
    ],
    [
      'non_finite_weights',
      'one NaN',
      () =>
        copy(
          full.dir,
          withWeights((weights) =>
            weights.set(
              Q,
              weights.get(Q)!.map((value, i) => (i === 77 ? Number.NaN : value)),
            ),
          ),
        ),
    ],
    [
      'non_finite_loss',
      'finite weights that overflow',
      () =>
        copy(
          full.dir,
          withWeights((weights) =>
            weights.set(
              Q,
              weights.get(Q)!.map((value) => value * 1e38),
            ),
          ),
        ),
    ],
    [
      'adapter_base_mismatch',
      'another base',
      () => copy(adapter.dir, withJson('adapter_config.json', { base_model_name_or_path: 'me/other' })),
    ],
    [
      'adapter_base_mismatch',
      'another revision',
      () => copy(adapter.dir, withJson('adapter_config.json', { revision: 'b'.repeat(40) })),
    ],
    ['adapter_unsupported', 'DoRA', () => copy(adapter.dir, withJson('adapter_config.json', { use_dora: true }))],
    [
      'tensor_mismatch',
      'a rank that the tensors do not have',
      () => copy(adapter.dir, withJson('adapter_config.json', { r: 2 })),
    ],
    [
      'non_finite_weights',
      'a merge that overflows',
      () =>
        copy(adapter.dir, async (folder) => {
          const pair = { a: new Float32Array(4 * 32).fill(1e30), b: new Float32Array(64 * 4).fill(1e30) };
          await writeAdapterFolder(folder, MODEL, {
            pairs: new Map([[Q, pair]]),
            rank: 4,
            config: adapterConfigJson(BASE, 4, 8),
          });
        }),
    ],
  ];

  test.each(cases)('%s: %s', async (code, _, make) => {
    const { verdict, sets } = await outcomeOf(await make());
    expect(verdict.code, verdict.reason).toBe(code);
    expect(verdict.reason.length).toBeGreaterThan(20);
    expect(Object.keys(verdict.evidence!).length).toBeGreaterThan(0);
    expect(sets).toEqual({});
  });

  test('an adapter without a revision is fine, and so is one where no base is expected', async () => {
    const unnamed = await copy(adapter.dir, withJson('adapter_config.json', { revision: null }));
    expect((await outcomeOf(unnamed)).verdict.code).toBe('accepted');
    const { expected: _, ...open } = input(adapter.dir);
    expect((await evaluate(open, () => {}, space)).verdict.code).toBe('accepted');
  });

  test('a wider copy of the weights is fine', async () => {
    const narrowBase = join(root, 'narrow-base');
    await writeModelFolder(narrowBase, MODEL, base, 'BF16');
    expect((await outcomeOf(full.dir, { baseDir: narrowBase })).verdict.code).toBe('accepted');
  });
});

describe('faults that are ours are no verdicts', () => {
  test.each([
    ['a submission folder that is not there', () => input(join(root, 'nowhere')), 'ENOENT'],
    [
      'a base of another architecture',
      async () =>
        input(full.dir, {
          baseDir: await copy(baseDir, withJson('config.json', { architectures: ['GPT2LMHeadModel'] })),
        }),
      'MODEL_UNSUPPORTED',
    ],
    [
      'a base without weights',
      async () => input(full.dir, { baseDir: await copy(baseDir, (folder) => rm(join(folder, 'model.safetensors'))) }),
      'SAFETENSORS_MISSING',
    ],
    [
      'a set that is not there',
      () => input(full.dir, { sets: [{ name: 'test', rowsFile: join(root, 'none.jsonl') }] }),
      'DATASET_NOT_FOUND',
    ],
    ['a set of which nothing is left', () => input(full.dir, { sequenceLen: 2, datasetType: 'alpaca' }), 'NO_ROWS'],
  ])('%s', async (_, make, code) => {
    await expect(evaluate(await make(), () => {}, space)).rejects.toMatchObject({ code });
  });
});
