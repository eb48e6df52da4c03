import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@tuning/kit';
import { createProcessRunner, type Runner, stopAllJobs } from '@tuning/runner';
import { type JobRecord, type MinerStore, openMinerStore } from '@tuning/store';
import type { TestContext } from 'vitest';
import { createTrainingWorker } from '../src/worker.ts';
import type { TrainingWorker, TrainingWorkerOptions } from '../src/worker-options.ts';

export const trainerFile = fileURLToPath(new URL('./fixtures/trainer.mjs', import.meta.url));

export interface Bench {
  readonly folder: string;
  readonly root: string;
  readonly store: MinerStore;
  readonly runner: Runner;
  readonly ended: JobRecord[];
  worker(options?: Partial<TrainingWorkerOptions>): TrainingWorker;
  /** Puts a job into the queue; the recipe steers the test's trainer. */
  enqueue(id: string, recipe: object, more?: object): void;
  until(what: string, check: () => boolean | Promise<boolean>): Promise<void>;
  untilEnded(id: string): Promise<JobRecord>;
}

/** A queue, a runner and workers over real files and processes, all gone with the test. */
export async function bench(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  parent = tmpdir(),
): Promise<Bench> {
  const folder = await mkdtemp(join(parent, 'tuning-training-'));
  const root = join(folder, 'jobs');
  const registry = join(folder, 'registry');
  const store = await openMinerStore(join(folder, 'miner.db'));
  const runner = await createProcessRunner({ root: registry });
  const workers: TrainingWorker[] = [];
  const ended: JobRecord[] = [];
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.stop({ detach: true })));
    await runner.close();
    await stopAllJobs(registry, { graceMs: 0 });
    store.close();
    await rm(folder, { recursive: true, force: true });
  });
  const until = async (what: string, check: () => boolean | Promise<boolean>) => {
    await waitFor(what, async () => ((await check()) ? true : undefined), { ms: 25_000, everyMs: 20 });
  };
  return {
    folder,
    root,
    store,
    runner,
    ended,
    until,
    untilEnded: async (id) => {
      await until(`the end of ${id}`, () => ended.some((job) => job.id === id));
      return ended.find((job) => job.id === id)!;
    },
    enqueue: (id, recipe, more = {}) => {
      store.jobs.insert({ id, kind: 'own', payload: { recipe }, ...more });
    },
    worker: (options = {}) => {
      const worker = createTrainingWorker({
        jobs: store.jobs,
        runner,
        root,
        slots: 2,
        trainerCommand: [process.execPath, trainerFile],
        limits: { wallMs: 60_000, memoryBytes: 2 ** 30, outputBytes: 2 ** 20, graceMs: 2_000 },
        prepare: async (job, dir) =>
          writeFile(join(dir, 'recipe.yml'), JSON.stringify((job.payload as { recipe: object }).recipe)),
        onEnd: (job) => ended.push(job),
        ...options,
      });
      workers.push(worker);
      return worker;
    },
  };
}
