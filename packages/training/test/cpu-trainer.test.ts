import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokenise } from '@tuning/dataset';
import { loadTokenizer, measureRows } from '@tuning/llm';
import type { CurvePoint } from '@tuning/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCpuTrainer } from '../src/cpu-trainer-job.ts';
import { cpuTrainerCommand } from '../src/index.ts';
import { baseDir, curveOf, datasetType, demoRows, prepareDemoJob, TEST_ROWS } from './demo-job.ts';

const SEQUENCE_LEN = 64;
const lora = { adapter: 'lora', lora_r: 8, lora_alpha: 16, lora_dropout: 0, learning_rate: 5e-3, warmup_steps: 4 };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cpu-trainer-'));
});
afterEach(() => rm(dir, { recursive: true }));

const prepare = (overrides: Record<string, unknown>, more: { finishBy?: number } = {}) =>
  prepareDemoJob(dir, overrides, { sequenceLen: SEQUENCE_LEN, ...more });

async function train(stopAfter = Number.POSITIVE_INFINITY) {
  const lines: string[] = [];
  let steps = 0;
  const done = await runCpuTrainer({
    dir,
    threads: 1,
    shouldStop: () => ++steps >= stopAfter,
    print: (line) => lines.push(line),
  });
  return { done, lines };
}

const curve = () => curveOf(dir);

async function testLosses(kind: 'full' | 'adapter'): Promise<{ base: number; tuned: number }> {
  const rows = (await demoRows()).slice(0, TEST_ROWS);
  const tokens = tokenise(rows, datasetType, await loadTokenizer(baseDir), SEQUENCE_LEN).rows;
  const model = join(dir, 'out/model');
  const weights = kind === 'full' ? { kind, dir: model } : { kind, baseDir, dir: model };
  const base = await measureRows({ baseDir, weights: { kind: 'full', dir: baseDir }, rows: tokens });
  const tuned = await measureRows({ baseDir, weights, rows: tokens });
  return { base: base.summary.loss, tuned: tuned.summary.loss };
}

// Trainings of seconds, longer where other tests want the same cores.
describe('a job on the devnet’s own model and dataset', { timeout: 90_000 }, () => {
  it.each([
    ['adapter', { ...lora, max_steps: 20 }],
    ['full', { adapter: 'full', learning_rate: 1e-3, warmup_steps: 4, max_steps: 20 }],
  ] as const)('%s: 20 steps lower the loss on rows that were not trained on by more than 10 %%', async (kind, keys) => {
    await prepare(keys);
    const { done, lines } = await train();
    const { base, tuned } = await testLosses(kind);
    expect(done).toBe(true);
    expect(base).toBeGreaterThan(4);
    expect(tuned).toBeLessThan(0.9 * base);
    const points = await curve();
    expect(points.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    // One step's loss depends on its eight rows as much as on the model.
    const mean = (part: CurvePoint[]) => part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
    expect(mean(points.slice(-6))).toBeLessThan(mean(points.slice(0, 6)) - 0.3);
    expect(points.every(({ tokens }, i) => tokens > (points[i - 1]?.tokens ?? 0))).toBe(true);
    expect(lines.filter((line) => /^step \d+\/20 loss /.test(line)).length).toBeGreaterThan(10);
    expect(JSON.parse(await readFile(join(dir, 'out/run.json'), 'utf8'))).toMatchObject({ totalSteps: 20 });
  });

  it('writes the model as it is when the time is over, instead of losing the task', async () => {
    await prepare({ ...lora, max_steps: 500 }, { finishBy: Date.now() });
    const { done, lines } = await train();
    expect(done).toBe(true);
    expect(lines.join('\n')).toMatch(/finished early, before the deadline: 1 of \d+ steps/);
    expect(existsSync(join(dir, 'out/model/adapter_model.safetensors'))).toBe(true);
    expect(await curve()).toHaveLength(1);
  });

  it('goes on from its checkpoint to the same model, and drops what a killed run logged after it', async () => {
    const keys = { ...lora, lora_dropout: 0.1, max_steps: 8, save_steps: 3 };
    await prepare(keys);
    await train();
    const whole = await readFile(join(dir, 'out/model/adapter_model.safetensors'));
    const points = (await curve()).map(({ ts: _ts, ...point }) => point);
    await rm(join(dir, 'out'), { recursive: true });

    expect(await train(5)).toMatchObject({ done: false });
    expect(existsSync(join(dir, 'out/model'))).toBe(false);
    // As if it had been killed in the seventh step instead: its points came after the checkpoint.
    const later = { ...points[5]!, loss: 99, ts: 1 };
    await appendFile(join(dir, 'out/log.jsonl'), `${JSON.stringify(later)}\n{"step":7,"lo`);
    expect(await train()).toMatchObject({ done: true });
    expect((await curve()).map(({ ts: _ts, ...point }) => point)).toEqual(points);
    expect((await readFile(join(dir, 'out/model/adapter_model.safetensors'))).equals(whole)).toBe(true);
    expect((await train()).lines).toEqual(['the model is there already']);
  });

  it('measures the rows it holds back, and trains on prompts where the recipe says so', async () => {
    await prepare({ ...lora, max_steps: 2, val_set_size: 0.1 });
    const { lines } = await train();
    const { rows, validationRows } = JSON.parse(await readFile(join(dir, 'out/run.json'), 'utf8'));
    expect(validationRows).toBe(Math.ceil((rows + validationRows) * 0.1));
    expect(lines.at(-1)).toMatch(new RegExp(`^validation loss \\d\\.\\d{4} over ${validationRows} rows$`));
    const tokens = (await curve())[0]!.tokens;
    await rm(join(dir, 'out'), { recursive: true });
    await prepare({ ...lora, max_steps: 2, val_set_size: 0.1, train_on_inputs: true });
    await train();
    expect((await curve())[0]!.tokens).toBeGreaterThan(1.5 * tokens);
  });
});

/** The process itself needs the build; `npm test` makes it. */
const command = cpuTrainerCommand();
describe.skipIf(!existsSync(command[1]!))('the process (skipped without a build)', { timeout: 90_000 }, () => {
  async function start(onLine: (line: string, stop: () => void) => void = () => {}) {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: dir,
      env: { PATH: process.env['PATH'], TUNING_JOB_DIR: dir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.stdout.on('data', (chunk) => {
      for (const line of String(chunk).split('\n')) onLine(line, () => child.kill('SIGTERM'));
    });
    const [code] = await once(child, 'close');
    return { code, errors };
  }

  it('writes a checkpoint on SIGTERM, ends with 143, and goes on when started again', async () => {
    await prepare({ ...lora, max_steps: 25 });
    const stopped = await start((line, stop) => line.startsWith('step 5/') && stop());
    expect(stopped).toEqual({ code: 143, errors: '' });
    expect(existsSync(join(dir, 'out/checkpoint/state.json'))).toBe(true);
    expect(await start()).toEqual({ code: 0, errors: '' });
    expect((await curve()).map(({ step }) => step)).toEqual(Array.from({ length: 25 }, (_, i) => i + 1));
  });

  it.each([
    ['a recipe for a GPU', async () => prepare({ adapter: 'qlora' }), /^RECIPE_UNSUPPORTED: .*qlora.*\n$/],
    [
      'a column that is not there',
      async () => {
        await prepare(lora);
        await writeFile(join(dir, 'data/train.jsonl'), '{"question":"a","output":"b"}\n');
      },
      /^DATASET_MISSING_COLUMN: .*instruction.*\n$/,
    ],
    [
      'a damaged base model',
      async () => {
        await prepare(lora);
        await writeFile(join(dir, 'model/model.safetensors'), 'nonsense');
      },
      /^SAFETENSORS_INVALID: .*\n$/,
    ],
  ])('ends with 2 and one line for %s', async (_name, damage, message) => {
    await damage();
    const { code, errors } = await start();
    expect(code).toBe(2);
    expect(errors).toMatch(message);
  });
});
