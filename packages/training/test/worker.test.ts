import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BadInputError, sleep, TransientError } from '@tuning/kit';
import type { Runner } from '@tuning/runner';
import { describe, expect, it } from 'vitest';
import { trainingProgressSchema, trainingResultSchema } from '../src/outcome.ts';
import { bench } from './fixture.ts';

const FOREVER = { steps: 100_000, stepMs: 10 };

describe.concurrent('the training worker', () => {
  it('trains what is queued and hands over model and curve', async (context) => {
    const { root, worker, enqueue, untilEnded, runner } = await bench(context);
    enqueue('job-a', { steps: 12 });
    const one = worker();
    await one.start();
    const job = await untilEnded('job-a');
    expect(job).toMatchObject({ state: 'Completed', error: null, attempts: 0 });
    const result = trainingResultSchema.parse(job.result);
    expect(result).toEqual({
      modelDir: join(root, 'job-a', 'out', 'model'),
      steps: 12,
      finalLoss: 3,
      curve: { points: 12, firstLoss: 4 - 1 / 12, lowestLoss: 3, tokens: 1200, msPerStep: expect.any(Number) },
    });
    expect((await one.curve('job-a')).map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, n) => n + 1));
    expect(await one.curve('unknown')).toEqual([]);
    await expect(one.curve('../job-a')).rejects.toMatchObject({ code: 'JOB_ID_INVALID' });
    expect(await runner.adopt({})).toEqual([]);
  });

  it('reports progress with total and estimate while it trains', async (context) => {
    const { store, worker, enqueue, until } = await bench(context);
    enqueue('announced', { steps: 2_000, stepMs: 10 });
    enqueue('by-recipe', { steps: 2_000, stepMs: 10, max_steps: 2_000, announce: false });
    await worker().start();
    for (const id of ['announced', 'by-recipe']) {
      const progress = () => trainingProgressSchema.safeParse(store.jobs.get(id)?.progress).data;
      await until('an estimate', () => progress()?.etaMs !== undefined);
      const { step, totalSteps, loss, etaMs } = progress()!;
      expect(totalSteps, id).toBe(2_000);
      expect(loss).toBeLessThan(4);
      // 10 ms a step is the trainer's pace at best.
      expect(etaMs).toBeGreaterThan((2_000 - step) * 9);
    }
  });

  it('keeps to its slots and the order of the queue', async (context) => {
    const { store, worker, enqueue, until, ended } = await bench(context);
    for (const id of ['b', 'c', 'a']) enqueue(id, { steps: 20, stepMs: 10 }, id === 'a' ? { priority: 1 } : {});
    let most = 0;
    const one = worker({ slots: 1 });
    await one.start();
    await until('all three', () => {
      most = Math.max(most, store.jobs.list({ states: ['Running'] }).length);
      return ended.length === 3;
    });
    expect(most).toBe(1);
    expect(ended.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    enqueue('woken', { steps: 1 });
    one.wake();
    await until('the woken one', () => ended.length === 4);
  });

  it('gives each slot its own GPUs, and a job that was adopted keeps those it has', async (context) => {
    const { worker, enqueue, untilEnded, until, runner } = await bench(context);
    const given: string[] = [];
    const noting: Runner = {
      start: (spec, options) => {
        given.push(`${spec.id} ${spec.gpus?.join('+')}`);
        return runner.start(spec, options);
      },
      adopt: (labels, options) => runner.adopt(labels, options),
      remove: (id) => runner.remove(id),
      close: () => runner.close(),
    };
    const slotGpus = [['0', '2'], ['GPU-1']];
    const first = worker({ runner: noting, slots: 2, slotGpus });
    enqueue('a', { steps: 1, stepMs: 300 });
    enqueue('b', FOREVER);
    await first.start();
    await untilEnded('a');
    await until('both', () => given.length === 2);
    await first.stop({ detach: true });
    enqueue('c', { steps: 1 });
    const second = worker({ runner: noting, slots: 2, slotGpus });
    await second.start();
    await untilEnded('c');
    // The first two start side by side.
    expect(given.toSorted()).toEqual(['train-a 0+2', 'train-b GPU-1', 'train-c 0+2']);
    await second.cancel('b');
  });

  it('tries a crash again from the checkpoint, and its curve has each step once', async (context) => {
    const { root, worker, enqueue, untilEnded } = await bench(context);
    enqueue('crash', { steps: 15, fail: 'crash' });
    const one = worker();
    await one.start();
    expect(await untilEnded('crash')).toMatchObject({ state: 'Completed', attempts: 1 });
    expect(await readFile(join(root, 'crash', 'out', 'starts'), 'utf8')).toBe('0\n5\n');
    // The first run reported 1 to 7, the second 6 to 15; its step 6 is lost in the line that the crash cut short.
    expect((await one.curve('crash')).map(({ step }) => step)).toEqual(Array.from({ length: 15 }, (_, n) => n + 1));
  });

  it('gives up after three tries, and says why', async (context) => {
    const { worker, enqueue, untilEnded } = await bench(context);
    enqueue('always', { steps: 1, fail: 'always' });
    await worker().start();
    const job = await untilEnded('always');
    expect(job).toMatchObject({ state: 'Failed', attempts: 2 });
    expect(job.error).toBe('the trainer crashed, exit code 1 (given up after 3 tries)');
  });

  it('never repeats a run that would end the same way', async (context) => {
    const { worker, enqueue, untilEnded } = await bench(context);
    enqueue('input', { steps: 1, fail: 'input' });
    enqueue('memory', { steps: 1_000, stepMs: 20, fail: 'memory' });
    enqueue('output', { steps: 1, fail: 'output' });
    enqueue('no-model', { steps: 1, fail: 'no-model' });
    enqueue('time', FOREVER);
    await worker({
      slots: 5,
      limits: ({ id }) => ({
        wallMs: id === 'time' ? 500 : 60_000,
        memoryBytes: 250 * 2 ** 20,
        outputBytes: 2 ** 20,
        graceMs: 1_000,
      }),
    }).start();
    const errors: Record<string, string | null> = {};
    for (const id of ['input', 'memory', 'output', 'no-model', 'time']) {
      const job = await untilEnded(id);
      expect(job, id).toMatchObject({ state: 'Failed', attempts: 0, result: null });
      errors[id] = job.error;
    }
    expect(errors).toEqual({
      input: 'the trainer refused its input: recipe.yml: learning_rate must be a number',
      memory: expect.stringMatching(/^the training was stopped at its memory limit: it used \d+ MiB/),
      output: 'the training was stopped at its output limit: it wrote 5 MiB to its folder, 1 MiB are allowed',
      'no-model': 'the trainer ended with code 0 but left no file in out/model',
      time: 'the training was stopped at its timeout limit: it ran longer than its limit of 500 ms',
    });
  });

  it('judges a failed preparation by whose fault it is', async (context) => {
    const { store, worker, enqueue, untilEnded } = await bench(context);
    const tries: Record<string, number> = {};
    enqueue('bad', {});
    enqueue('hub-down', { steps: 1 });
    const one = worker({
      prepare: async ({ id }, dir) => {
        tries[id] = (tries[id] ?? 0) + 1;
        if (id === 'bad') throw new BadInputError('DATASET_EMPTY', 'the dataset has no rows');
        if (tries[id] === 1) throw new TransientError('HUB_UNAVAILABLE', 'the hub is down');
        await writeFile(join(dir, 'recipe.yml'), '{"steps": 1}');
      },
    });
    await one.start();
    expect(await untilEnded('bad')).toMatchObject({
      state: 'Failed',
      error: 'could not prepare the training: the dataset has no rows',
    });
    expect(store.jobs.get('hub-down')).toMatchObject({ attempts: 0 });
    expect(await untilEnded('hub-down')).toMatchObject({ state: 'Completed', attempts: 0 });
    expect(tries).toEqual({ bad: 1, 'hub-down': 2 });
  });

  it('cancels a job wherever it stands', async (context) => {
    const { store, worker, enqueue, until, ended, runner } = await bench(context);
    enqueue('running', FOREVER, { priority: 2 });
    enqueue('preparing', FOREVER, { priority: 1 });
    enqueue('queued', FOREVER);
    const one = worker({
      prepare: async ({ id, payload }, dir, signal) => {
        if (id === 'preparing') await sleep(60_000, signal);
        await writeFile(join(dir, 'recipe.yml'), JSON.stringify((payload as { recipe: object }).recipe));
      },
    });
    await one.start();
    await until('the first steps', () => store.jobs.get('running')?.progress !== null);
    expect(await Promise.all(['queued', 'preparing', 'running', 'unknown'].map((id) => one.cancel(id)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(await one.cancel('running')).toBe(false);
    expect(ended.map(({ id, state }) => `${id} ${state}`).sort()).toEqual([
      'preparing Cancelled',
      'queued Cancelled',
      'running Cancelled',
    ]);
    expect(await runner.adopt({})).toEqual([]);
  });

  it('deletes folders of ended jobs only, on request or over the budget', async (context) => {
    const { root, worker, enqueue, untilEnded, until } = await bench(context);
    const kept = new Set(['kept']);
    const one = worker({ diskBudget: { bytes: 1, consumed: ({ id }) => !kept.has(id) } });
    const gone = async (id: string) =>
      access(join(root, id)).then(
        () => false,
        () => true,
      );
    await one.start();
    enqueue('kept', { steps: 1 });
    enqueue('used', { steps: 1 });
    enqueue('busy', FOREVER);
    one.wake();
    await untilEnded('kept');
    await untilEnded('used');
    await until('the used one to go', () => gone('used'));
    expect(await gone('kept')).toBe(false);
    await expect(one.removeJobFolder('busy')).rejects.toMatchObject({ code: 'JOB_NOT_ENDED' });
    await one.removeJobFolder('kept');
    expect(await gone('kept')).toBe(true);
  });
});
