import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelTensors, writeSafetensors } from '@tuning/llm';
import { verdictCodes } from '@tuning/protocol';
import { createProcessRunner } from '@tuning/runner';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adapterConfigJson, configJson, writeAdapterFolder, writeModelFolder } from '../../../llm/test/model-folder.ts';
import { randomWeights } from '../../../llm/test/reference-model.ts';
import { evaluate } from '../../src/evaluate.ts';
import { runEvaluation } from '../../src/index.ts';
import { evaluationOutcomeSchema } from '../../src/outcome.ts';
import { MODEL } from '../tiny-models.ts';
import { mutations } from './mutations.ts';

/** Mutated submissions to evaluate in all; each kind of submission gets a third. */
const RUNS = Number(process.env['TUNING_FUZZ_RUNS'] ?? 360);
/** Of them in sealed jobs of their own, which take about a second each. */
const SEALED = Math.max(3, Math.round(RUNS / 125));
/** A seed that failed, to be played again. */
const SEED = Number(process.env['TUNING_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** What one evaluation of a model of 40,000 parameters may take, on a busy machine. */
const LIMIT_MS = 10_000;
/** What all of them together may add to the process: a leak of 100 kB each, or one allocation by a lying size, is seen. */
const LIMIT_BYTES = 500 * 1024 ** 2;

const KINDS = {
  whole: ['model.safetensors', 'config.json'],
  sharded: [
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'model.safetensors.index.json',
    'config.json',
  ],
  adapter: ['adapter_model.safetensors', 'adapter_config.json'],
} as const;
type Kind = keyof typeof KINDS;

const BASE = { repo: 'me/base', revision: 'a'.repeat(40) };
let root: string;
let input: {
  baseDir: string;
  expected: { baseRepo: string; baseRevision: string };
  sets: { name: string; rowsFile: string }[];
};
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mutated-'));
  const weights = randomWeights(MODEL, 1, 0.05);
  const baseDir = join(root, 'base');
  await writeModelFolder(baseDir, MODEL, weights);
  const rowsFile = join(root, 'rows.jsonl');
  await writeFile(rowsFile, '{"text":"a row"}\n{"text":"another one"}\n');
  input = {
    baseDir,
    expected: { baseRepo: BASE.repo, baseRevision: BASE.revision },
    sets: [{ name: 'test', rowsFile }],
  };
  await writeSubmissions(weights);
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** One honest submission of each kind, under `root/<kind>`. */
async function writeSubmissions(weights: ReadonlyMap<string, Float32Array>): Promise<void> {
  const tensors = [...modelTensors(MODEL)].map(([name, shape]) => ({
    name,
    shape,
    dtype: 'F32' as const,
    data: weights.get(name)!.map((value, i) => value + 0.01 * Math.sin(i)),
  }));
  for (const kind of ['whole', 'sharded']) {
    await mkdir(join(root, kind));
    await writeFile(join(root, kind, 'config.json'), JSON.stringify(configJson(MODEL)));
  }
  await writeSafetensors(join(root, 'whole', 'model.safetensors'), tensors);
  const half = Math.ceil(tensors.length / 2);
  const [one, two, index] = KINDS.sharded;
  await writeSafetensors(join(root, 'sharded', one), tensors.slice(0, half));
  await writeSafetensors(join(root, 'sharded', two), tensors.slice(half));
  const map = Object.fromEntries(tensors.map(({ name }, i) => [name, i < half ? one : two]));
  await writeFile(join(root, 'sharded', index), JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }));
  const target = 'model.layers.0.self_attn.q_proj.weight';
  const [out, inner] = modelTensors(MODEL).get(target) as [number, number];
  const wave = (length: number) => Float32Array.from({ length }, (_, i) => 0.05 * Math.sin(i));
  await writeAdapterFolder(join(root, 'adapter'), MODEL, {
    pairs: new Map([[target, { a: wave(4 * inner), b: wave(out * 4) }]]),
    rank: 4,
    config: adapterConfigJson(BASE, 4, 8),
  });
}

async function mutated(kind: Kind, apply: (dir: string) => Promise<void>): Promise<string> {
  const dir = join(root, 'submission');
  await rm(dir, { recursive: true, force: true });
  await cp(join(root, kind), dir, { recursive: true });
  await apply(dir);
  return dir;
}

const rest = { datasetType: 'completion', sequenceLen: 16 } as const;
const counts = new Map<string, number>();

describe.each(Object.keys(KINDS) as Kind[])('%s', (kind) => {
  test('as it is, is accepted', async () => {
    const outcome = await evaluate({ ...input, submissionDir: join(root, kind), ...rest, threads: 1 }, () => {}, {
      scratchDir: root,
    });
    expect(outcome.verdict).toMatchObject({ code: 'accepted' });
  });

  test(
    'mutated, gets a verdict with a reason, in time and in bounded memory',
    async () => {
      const before = process.memoryUsage.rss();
      let peak = before;
      await fc.assert(
        fc.asyncProperty(mutations(KINDS[kind]), async ({ what, apply }) => {
          const submissionDir = await mutated(kind, apply);
          const started = performance.now();
          const outcome = await evaluate({ ...input, submissionDir, ...rest, threads: 1 }, () => {}, {
            scratchDir: root,
          });
          expect(performance.now() - started, what).toBeLessThan(LIMIT_MS);
          peak = Math.max(peak, process.memoryUsage.rss());
          expect(peak - before, what).toBeLessThan(LIMIT_BYTES);
          evaluationOutcomeSchema.parse(outcome);
          expect(verdictCodes, what).toContain(outcome.verdict.code);
          expect(outcome.verdict.reason.length, what).toBeGreaterThan(10);
          counts.set(outcome.verdict.code, (counts.get(outcome.verdict.code) ?? 0) + 1);
        }),
        { numRuns: Math.ceil(RUNS / 3), seed: SEED, endOnFailure: true },
      );
      console.info(`${kind}: seed ${SEED}, ${Math.round((peak - before) / 1024 ** 2)} MiB more at most`);
    },
    Math.max(60_000, RUNS * 400),
  );
});

test('many were refused, for reasons of many kinds', () => {
  console.info(`verdicts: ${[...counts].map(([code, count]) => `${code} ${count}`).join(', ')}`);
  const refused = [...counts].filter(([code]) => code !== 'accepted');
  expect(refused.length).toBeGreaterThanOrEqual(4);
  expect(refused.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThan(RUNS / 4);
});

test(
  'the same in sealed jobs: a verdict, and the job is never lost',
  async () => {
    const runner = await createProcessRunner({ root: join(root, 'registry') });
    try {
      let id = 0;
      const samples = (Object.keys(KINDS) as Kind[]).flatMap((kind) =>
        fc
          .sample(mutations(KINDS[kind]), { numRuns: Math.ceil(SEALED / 3), seed: SEED + 1 })
          .map((mutation) => ({ kind, mutation })),
      );
      for (const { kind, mutation } of samples) {
        const submissionDir = await mutated(kind, mutation.apply);
        const limits = { wallMs: 60_000, memoryBytes: 1024 ** 3 };
        const { verdict } = await runEvaluation({
          ...input,
          ...rest,
          submissionDir,
          runner,
          root: join(root, 'jobs'),
          id: `fuzz-${id++}`,
          limits,
        });
        expect(verdictCodes, mutation.what).toContain(verdict.code);
        expect(verdict.code, `${mutation.what}: ${verdict.reason}`).not.toBe('evaluation_limit');
      }
    } finally {
      await runner.close();
    }
  },
  Math.max(90_000, SEALED * 10_000),
);

test.each([
  [
    'a tokenizer that never ends',
    'tokenizer.json',
    '{"model":{"type":"BPE"},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a+)+$"}}}',
  ],
  [
    'a tokenizer of another vocabulary',
    'tokenizer_config.json',
    '{"eos_token":"x","chat_template":"{% for i in range(10 ** 12) %}{% endfor %}"}',
  ],
  ['a template that never ends', 'chat_template.jinja', '{% for i in range(10 ** 12) %}x{% endfor %}'],
  ['no JSON at all', 'tokenizer.json', 'oops'],
])('nothing of a submission’s tokenizer or template is read: %s', async (_, name, content) => {
  const plain = await evaluate({ ...input, submissionDir: join(root, 'whole'), ...rest, threads: 1 }, () => {}, {
    scratchDir: root,
  });
  const submissionDir = await mutated('whole', (dir) => writeFile(join(dir, name), content));
  const outcome = await evaluate({ ...input, submissionDir, ...rest, threads: 1 }, () => {}, { scratchDir: root });
  expect(outcome).toEqual(plain);
  expect(await readFile(join(submissionDir, name), 'utf8')).toBe(content);
});
