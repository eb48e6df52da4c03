import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { floatBytes, loadRuntime } from '@tuning/llm';
import { createProcessRunner, type JobSpec, type Runner } from '@tuning/runner';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { adapterConfigJson, writeAdapterFolder, writeModelFolder } from '../../llm/test/model-folder.ts';
import { randomWeights } from '../../llm/test/reference-model.ts';
import { evaluate, evaluateShared } from '../src/evaluate.ts';
import { type EvaluationOutcome, runEvaluation, runSharedEvaluation, type SharedEvaluationArgs } from '../src/index.ts';
import { evaluationOutcomeSchema } from '../src/outcome.ts';
import { MODEL } from './tiny-models.ts';

const Q = 'model.layers.0.self_attn.q_proj.weight';
const EXPECTED = { baseRepo: 'me/base', baseRevision: 'a'.repeat(40) };

let root: string;
let baseDir: string;
/** Folders by what they are. */
let dirs: Record<'full' | 'adapter' | 'overflowing' | 'cut' | 'other', string>;
let sets: { name: string; rowsFile: string }[];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'shared-evaluation-'));
  baseDir = join(root, 'base');
  const weights = randomWeights(MODEL, 1);
  await writeModelFolder(baseDir, MODEL, weights);
  const fineTune = async (name: string, change: (value: number, i: number, tensor: string) => number) => {
    const moved = [...weights].map(([tensor, data]) => [tensor, data.map((v, i) => change(v, i, tensor))] as const);
    await writeModelFolder(join(root, name), MODEL, new Map(moved));
    return join(root, name);
  };
  const full = await fineTune('full', (value, i) => value + 0.01 * Math.sin(i));
  const cut = join(root, 'cut');
  await cp(full, cut, { recursive: true });
  const path = join(cut, 'model.safetensors');
  await writeFile(path, (await readFile(path)).subarray(0, -100));
  const adapter = join(root, 'adapter');
  const wave = (length: number) => Float32Array.from({ length }, (_, i) => 0.1 * Math.sin(i));
  await writeAdapterFolder(adapter, MODEL, {
    pairs: new Map([[Q, { a: wave(4 * 32), b: wave(64 * 4) }]]),
    rank: 4,
    config: adapterConfigJson({ repo: EXPECTED.baseRepo, revision: EXPECTED.baseRevision }, 4, 8),
  });
  dirs = {
    full,
    adapter,
    overflowing: await fineTune('overflowing', (value, i, tensor) =>
      tensor === Q ? value * 1e38 : value + 0.01 * Math.cos(i),
    ),
    cut,
    other: await fineTune('other', (value, i) => value + 0.01 * Math.cos(i)),
  };
  const rowsFile = join(root, 'rows.jsonl');
  // Two batch shapes.
  const texts = Array.from(
    { length: 90 },
    (_, i) => `row ${i} of the set${i < 50 ? '' : ', and a long one'.repeat(5)}`,
  );
  await writeFile(rowsFile, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  const short = join(root, 'short.jsonl');
  await writeFile(
    short,
    texts
      .slice(0, 40)
      .map((text) => `${JSON.stringify({ text })}\n`)
      .join(''),
  );
  sets = [
    { name: 'test', rowsFile },
    { name: 'synthetic', rowsFile: short },
  ];
});
afterAll(() => rm(root, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const input = () => ({
  baseDir,
  expected: EXPECTED,
  sets,
  datasetType: 'completion' as const,
  sequenceLen: 128,
  threads: 1,
});

/** The order in which all tests name them: the base in between. */
const several = () => [dirs.full, dirs.cut, null, dirs.overflowing, baseDir, dirs.adapter, dirs.other];
const CODES = [
  'accepted',
  'bad_safetensors',
  'accepted',
  'non_finite_loss',
  'identical_to_base',
  'accepted',
  'accepted',
];
const codesOf = (outcomes: readonly EvaluationOutcome[]) => outcomes.map(({ verdict }) => verdict.code);

test('submissions judged and measured together have the outcomes that each has alone, and no sessions more than one', async () => {
  const space = { scratchDir: root };
  const create = vi.spyOn((await loadRuntime()).InferenceSession, 'create');
  const sessionsOf = async (work: () => Promise<unknown>) => {
    create.mockClear();
    await work();
    return create.mock.calls.length;
  };
  const sketchSeed = '5'.repeat(64);
  const each: EvaluationOutcome[] = [];
  for (const dir of several()) {
    const job = { ...input(), sketchSeed, ...(dir === null ? {} : { submissionDir: dir }) };
    each.push(evaluationOutcomeSchema.parse(await evaluate(job, () => {}, space)));
  }
  expect(codesOf(each)).toEqual(CODES);
  // The long rows and the short ones, and the short ones of the second set.
  const ofOne = await sessionsOf(() => evaluate({ ...input(), submissionDir: dirs.full }, () => {}, space));
  expect(ofOne).toBe(3);

  const shared = { ...input(), sketchSeed, submissionDirs: several() };
  const models: (number | undefined)[] = [];
  const sessions = await sessionsOf(async () => {
    const job = { ...shared, weightBytes: 2 ** 30 };
    expect(await evaluateShared(job, ({ model }) => models.push(model), space)).toEqual(each);
  });
  expect(sessions).toBe(ofOne);
  expect(new Set(models)).toEqual(new Set([0, 2, 5, 6]));

  // Five are measured. With room for the weights of two each third begins a new group; without any each is alone.
  for (const [weightBytes, groups] of [
    [2 * floatBytes(MODEL), 3],
    [0, 5],
  ] as const) {
    const grouped = await sessionsOf(async () => {
      expect(await evaluateShared({ ...shared, weightBytes }, () => {}, space)).toEqual(each);
    });
    // The overflowing model needs but the first session, where it is alone.
    expect(grouped).toBe(groups * ofOne - (weightBytes === 0 ? 2 : 0));
  }

  // Weights that stay in their files are part of a session: the same outcomes, each model with sessions of its own.
  const mapped = await sessionsOf(async () => {
    const job = { ...shared, weightBytes: 2 ** 30 };
    expect(await evaluateShared(job, () => {}, { ...space, mapped: true })).toEqual(each);
  });
  expect(mapped).toBe(5 * ofOne - 2);
}, 60_000);

let runner: Runner;
beforeEach(async () => {
  runner = await createProcessRunner({ root: join(root, 'registry') });
});
afterEach(async () => {
  for (const job of await runner.adopt({ 'tuning.kind': 'evaluation' })) await runner.remove(job.id);
  await runner.close();
});

let jobs = 0;
function argsWith(change: Partial<SharedEvaluationArgs> = {}): SharedEvaluationArgs {
  return {
    ...input(),
    runner,
    root: join(root, 'jobs'),
    id: `shared-${jobs++}`,
    submissionDirs: several().map((dir) => dir ?? undefined),
    limits: { wallMs: 60_000, memoryBytes: 2 * 1024 ** 3 },
    ...change,
  };
}

/** Notes each job that is started, with its input, and may give it other limits. */
function watched(limitsOf: (id: string) => Partial<JobSpec['limits']> = () => ({})) {
  const started: { id: string; limits: JobSpec['limits']; input: Record<string, unknown> }[] = [];
  const watching: Runner = {
    start: async ({ limits, ...spec }, options) => {
      const read = JSON.parse(await readFile(join(spec.dir, 'input.json'), 'utf8'));
      started.push({ id: spec.id, limits, input: read });
      return runner.start({ ...spec, limits: { ...limits, ...limitsOf(spec.id) } }, options);
    },
    adopt: (labels) => runner.adopt(labels),
    remove: (id) => runner.remove(id),
    close: () => runner.close(),
  };
  return { started, watching };
}

test('one sealed job, with the wall time of all and half of its memory for weights, measures all of them, says which one it measures, and leaves nothing behind', async () => {
  const { started, watching } = watched();
  const args = argsWith({ runner: watching });
  const last: Record<number, number> = {};
  const results = await runSharedEvaluation(args, {
    onProgress: ({ set, model, doneRows, totalRows }) => {
      if (set === 'test') last[model!] = doneRows / totalRows;
    },
  });
  expect(started).toMatchObject([
    { id: args.id, limits: { wallMs: 7 * 60_000, memoryBytes: 2 * 1024 ** 3 }, input: { weightBytes: 1024 ** 3 } },
  ]);
  expect(last).toEqual({ 0: 1, 2: 1, 5: 1, 6: 1 });
  const outcomes = results.map((result) => (result as PromiseFulfilledResult<EvaluationOutcome>).value);
  expect(codesOf(outcomes)).toEqual(CODES);
  const alone = await runEvaluation({ ...argsWith(), submissionDir: dirs.adapter });
  expect(outcomes[5]).toEqual(alone);
  expect(await readdir(join(root, 'jobs'))).toEqual([]);
  expect(await runner.adopt({ 'tuning.kind': 'evaluation' })).toEqual([]);
}, 60_000);

test('a shared job that is ended at its memory limit is followed by a job for each', async () => {
  const args = argsWith({ submissionDirs: [undefined, dirs.overflowing, dirs.full] });
  const { started, watching } = watched((id) => (id === args.id ? { memoryBytes: 16 * 1024 ** 2 } : {}));
  const models = new Set<number | undefined>();
  const results = await runSharedEvaluation(
    { ...args, runner: watching },
    { onProgress: ({ model }) => models.add(model) },
  );
  expect(started.map(({ id }) => id)).toEqual([args.id, `${args.id}-0`, `${args.id}-1`, `${args.id}-2`]);
  expect(started.map(({ input: { submissionDir } }) => submissionDir)).toEqual([
    undefined,
    undefined,
    dirs.overflowing,
    dirs.full,
  ]);
  expect(started[3]!.limits.wallMs).toBe(60_000);
  expect(models).toEqual(new Set([0, 2]));
  expect(results).toMatchObject([
    { value: { kind: 'base', verdict: { code: 'accepted' } } },
    { value: { verdict: { code: 'non_finite_loss' } } },
    { value: { verdict: { code: 'accepted' }, sets: { test: { summary: { rowsKept: 90 } } } } },
  ]);
  expect(await readdir(join(root, 'jobs'))).toEqual([]);
}, 60_000);

test('a submission that ends its job, or hits a limit, costs the others nothing', async () => {
  const { started, watching } = watched((id) => (id.endsWith('-3') ? { wallMs: 30 } : {}));
  const submissionDirs = [undefined, join(root, 'nowhere'), dirs.full, dirs.other];
  const args = argsWith({ runner: watching, submissionDirs });
  const results = await runSharedEvaluation(args);
  expect(started).toHaveLength(5);
  expect(results).toMatchObject([
    { status: 'fulfilled', value: { kind: 'base' } },
    {
      status: 'rejected',
      reason: { code: 'EVALUATION_FAILED', details: { logTail: expect.stringContaining('ENOENT') } },
    },
    { status: 'fulfilled', value: { verdict: { code: 'accepted' } } },
    { status: 'fulfilled', value: { verdict: { code: 'evaluation_limit' } } },
  ]);
}, 60_000);

test('what is wrong with the base or the sets is no matter of a submission', async () => {
  const submissionDirs = [undefined, dirs.full, dirs.other];
  const { started, watching } = watched();
  const missing = [{ name: 'test', rowsFile: join(root, 'none.jsonl') }];
  const args = argsWith({ runner: watching, submissionDirs, sets: missing });
  await expect(runSharedEvaluation(args)).rejects.toMatchObject({ name: 'BadInputError', code: 'DATASET_NOT_FOUND' });
  // The shared job, and the base's, which stands for all.
  expect(started).toHaveLength(2);
  await mkdir(join(root, 'empty'), { recursive: true });
  const unusable = argsWith({ submissionDirs, baseDir: join(root, 'empty') });
  await expect(runSharedEvaluation(unusable)).rejects.toMatchObject({ name: 'BadInputError' });
  expect(await readdir(join(root, 'jobs'))).toEqual([]);
}, 60_000);

test('an abort stops the shared job, and none follows', async () => {
  const aborter = new AbortController();
  const { started, watching } = watched();
  const args = argsWith({ runner: watching });
  const stopped = runSharedEvaluation(args, { signal: aborter.signal });
  stopped.catch(() => {});
  while ((await runner.adopt({ 'tuning.evaluation': args.id })).length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  aborter.abort(new Error('stop now'));
  await expect(stopped).rejects.toThrow('stop now');
  expect(started).toHaveLength(1);
  expect(await runner.adopt({ 'tuning.kind': 'evaluation' })).toEqual([]);
});
