import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProcessRunner, type JobHandle, type JobResult, type JobSpec, type Runner } from '@tuning/runner';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeModelFolder } from '../../llm/test/model-folder.ts';
import { randomWeights } from '../../llm/test/reference-model.ts';
import { type EvaluationArgs, runEvaluation } from '../src/index.ts';
import { MODEL } from './tiny-models.ts';

let root: string;
let baseDir: string;
let submissionDir: string;
let rowsFile: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'run-evaluation-'));
  baseDir = join(root, 'base');
  submissionDir = join(root, 'submission');
  const weights = randomWeights(MODEL, 1);
  await writeModelFolder(baseDir, MODEL, weights);
  const moved = new Map([...weights].map(([name, data]) => [name, data.map((value, i) => value + 0.01 * Math.sin(i))]));
  await writeModelFolder(submissionDir, MODEL, moved);
  rowsFile = join(root, 'rows.jsonl');
  await writeFile(rowsFile, Array.from({ length: 40 }, (_, i) => `{"text":"row ${i} of the set"}\n`).join(''));
});
afterAll(() => rm(root, { recursive: true }));

let jobs = 0;
function argsWith(runner: Runner, change: Partial<EvaluationArgs> = {}): EvaluationArgs {
  return {
    runner,
    root: join(root, 'jobs'),
    id: `evaluation-${jobs++}`,
    baseDir,
    submissionDir,
    expected: { baseRepo: 'me/base', baseRevision: 'a'.repeat(40) },
    sets: [{ name: 'test', rowsFile }],
    datasetType: 'completion',
    sequenceLen: 64,
    limits: { wallMs: 60_000, memoryBytes: 2 * 1024 ** 3 },
    ...change,
  };
}

describe('through the process runner', () => {
  let runner: Runner;
  beforeEach(async () => {
    runner = await createProcessRunner({ root: join(root, 'registry') });
  });
  afterEach(async () => {
    for (const job of await runner.adopt({ 'tuning.kind': 'evaluation' })) await runner.remove(job.id);
    await runner.close();
  });

  test('a submission and the base are measured; nothing is left behind', async () => {
    const progress: number[] = [];
    const submission = await runEvaluation(argsWith(runner), {
      onProgress: ({ set, doneRows, totalRows }) => progress.push(set === 'test' ? doneRows / totalRows : -1),
    });
    const base = await runEvaluation(argsWith(runner, { submissionDir: undefined, threads: 2 }));
    expect(submission).toMatchObject({ kind: 'full', verdict: { code: 'accepted' } });
    expect(submission.weightsDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(base).toMatchObject({ kind: 'base', verdict: { code: 'accepted' } });
    expect(submission.sets['test']!.summary.rowsKept).toBe(40);
    expect(submission.sets['test']!.summary.loss).not.toBe(base.sets['test']!.summary.loss);
    expect(progress.at(-1)).toBe(1);
    expect(await readdir(join(root, 'jobs'))).toEqual([]);
    expect(await runner.adopt({ 'tuning.kind': 'evaluation' })).toEqual([]);
  });

  test('a refused submission is a verdict with its evidence', async () => {
    expect(await runEvaluation(argsWith(runner, { submissionDir: baseDir }))).toMatchObject({
      verdict: { code: 'identical_to_base', evidence: { changedTensors: 0 } },
      sets: {},
    });
  });

  test('wall and memory limits are verdicts for a submission and retries for the base', async () => {
    const short = { wallMs: 30, memoryBytes: 2 * 1024 ** 3 };
    expect(await runEvaluation(argsWith(runner, { limits: short }))).toMatchObject({
      verdict: { code: 'evaluation_limit', evidence: { outcome: 'timeout' } },
    });
    const small = { wallMs: 60_000, memoryBytes: 16 * 1024 ** 2 };
    expect(await runEvaluation(argsWith(runner, { limits: small }))).toMatchObject({
      verdict: { code: 'evaluation_limit', evidence: { outcome: 'memory' } },
    });
    await expect(runEvaluation(argsWith(runner, { limits: short, submissionDir: undefined }))).rejects.toMatchObject({
      name: 'TransientError',
      code: 'EVALUATION_FAILED',
    });
  });

  test('a crash for reasons of ours is EVALUATION_FAILED, an unusable set its own code', async () => {
    const missing = runEvaluation(argsWith(runner, { submissionDir: join(root, 'nowhere') }));
    await expect(missing).rejects.toMatchObject({
      name: 'TransientError',
      code: 'EVALUATION_FAILED',
      details: { logTail: expect.stringContaining('ENOENT') },
    });
    const unusable = runEvaluation(argsWith(runner, { sets: [{ name: 'test', rowsFile: join(root, 'none') }] }));
    await expect(unusable).rejects.toMatchObject({ name: 'BadInputError', code: 'DATASET_NOT_FOUND' });
  });

  test('a job whose device is not there fails: it never measures on another', async () => {
    vi.stubEnv('CUDA_VISIBLE_DEVICES', '-1');
    const lost = runEvaluation(argsWith(runner, { device: 'cuda', submissionDir: undefined }));
    await expect(lost).rejects.toMatchObject({
      code: 'EVALUATION_FAILED',
      details: { logTail: expect.stringMatching(/CUDA/i) },
    });
    vi.unstubAllEnvs();
  });

  test('a daemon that comes back takes up the job it left running', async () => {
    const args = argsWith(runner);
    const started = runEvaluation(args);
    started.catch(() => {});
    while ((await runner.adopt({ 'tuning.evaluation': args.id })).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await runner.close();
    await expect(started).rejects.toMatchObject({ code: 'RUNNER_CLOSED' });
    runner = await createProcessRunner({ root: join(root, 'registry') });
    expect(await runEvaluation({ ...args, runner })).toMatchObject({ verdict: { code: 'accepted' } });
  });

  test('an abort stops the job and removes it', async () => {
    const aborter = new AbortController();
    const args = argsWith(runner);
    const started = runEvaluation(args, { signal: aborter.signal });
    started.catch(() => {});
    while ((await runner.adopt({ 'tuning.evaluation': args.id })).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    aborter.abort(new Error('stop now'));
    await expect(started).rejects.toThrow('stop now');
    expect(await runner.adopt({ 'tuning.evaluation': args.id })).toEqual([]);
  });
});

describe('results that cannot be trusted', () => {
  /** Ends every job at once with the given result file. */
  class FakeRunner implements Runner {
    readonly removed: string[] = [];
    spec: JobSpec | undefined;
    input: unknown;
    readonly #result: string;
    constructor(result: string) {
      this.#result = result;
    }
    async start(spec: JobSpec): Promise<JobHandle> {
      this.spec = spec;
      this.input = JSON.parse(await readFile(join(spec.dir, 'input.json'), 'utf8'));
      await writeFile(join(spec.dir, 'out', 'result.json'), this.#result);
      const ended: JobResult = {
        outcome: 'completed',
        exitCode: 0,
        logTail: '',
        startedAt: 0,
        endedAt: 1,
        peakRssBytes: 0,
      };
      return { id: spec.id, dir: spec.dir, labels: spec.labels, wait: async () => ended, stop: async () => ended };
    }
    adopt = async () => [];
    remove = async (id: string) => void this.removed.push(id);
    close = async () => {};
  }

  test.each([
    ['no JSON', 'oops'],
    ['another shape', '{"outcome":{"verdict":{"code":"great"}}}'],
    [
      'a loss that is no number',
      '{"outcome":{"kind":"full","verdict":{"code":"accepted","reason":"x"},"sets":{"test":{"loss":null}},"dropped":{}}}',
    ],
  ])('%s is a failure to retry', async (_, result) => {
    const runner = new FakeRunner(result);
    const args = argsWith(runner);
    await expect(runEvaluation(args)).rejects.toMatchObject({ code: 'EVALUATION_FAILED' });
    expect(runner.removed).toEqual([args.id]);
  });

  test('the job gets no environment but the telemetry switch, and absolute paths', async () => {
    const runner = new FakeRunner('{"fault":{"code":"NO_ROWS","message":"nothing left"}}');
    await expect(runEvaluation(argsWith(runner))).rejects.toMatchObject({ name: 'BadInputError', code: 'NO_ROWS' });
    expect(runner.spec!.env).toEqual({ ORT_DISABLE_TELEMETRY: '1' });
    expect(runner.spec!.command[0]).toBe(process.execPath);
    expect(runner.spec!.command[1]).toMatch(/\/dist\/evaluation-job\.js$/);
    expect(runner.input).not.toHaveProperty('device');
  });

  test('a job for a GPU is told so, and where CUDA is', async () => {
    vi.stubEnv('LD_LIBRARY_PATH', '/opt/cuda/lib');
    const runner = new FakeRunner('{"fault":{"code":"NO_ROWS","message":"nothing left"}}');
    await expect(runEvaluation(argsWith(runner, { device: 'cuda' }))).rejects.toMatchObject({ code: 'NO_ROWS' });
    vi.unstubAllEnvs();
    expect(runner.spec!.env).toMatchObject({ ORT_DISABLE_TELEMETRY: '1', LD_LIBRARY_PATH: '/opt/cuda/lib' });
    expect(runner.input).toMatchObject({ device: 'cuda' });
  });
});
