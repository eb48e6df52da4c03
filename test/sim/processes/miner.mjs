// The job path of the miner: its store, queue, worker, runner, preparation, hand-over and submitter, without peers and HTTP.
// Usage: miner.mjs <settings as JSON>; SIM_TOKEN is the hub's token. Takes {offer} and {cancel} as lines on stdin, answers with
// {accepted} and {cancelled, done}, and ends with its parent.
import { appendFileSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createHub } from '@tuning/hub';
import { Secret } from '@tuning/kit';
import { ModelCache } from '@tuning/neuron';
import { createDockerRunner, createProcessRunner } from '@tuning/runner';
import { openMinerStore } from '@tuning/store';
import { createTrainingWorker } from '@tuning/training';
import { JobHandOver } from '../../../packages/miner/dist/job-hand-over.js';
import { taskJobId } from '../../../packages/miner/dist/job-payload.js';
import { prepareJob } from '../../../packages/miner/dist/job-preparation.js';
import { BASE_RECIPE } from '../../../packages/miner/dist/recipe-overrides.js';
import { RoomBook } from '../../../packages/miner/dist/room-book.js';
import { Submitter } from '../../../packages/miner/dist/submitter.js';
import { FakeChain } from './fake-chain.mjs';
import { fuse } from './fuse.mjs';

const { folder, hubUrl, runnerKind, image, slots, fuse: fuseAt, hotkey, trainer } = JSON.parse(process.argv[2]);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const log = (level) => (context, message) =>
  appendFileSync(join(folder, 'miner.log'), `${JSON.stringify({ level, at: Date.now(), message, ...context })}\n`);
const logger = { trace: () => {}, child: () => logger };
for (const level of ['debug', 'info', 'warn', 'error']) logger[level] = log(level);

const fused = fuseAt > 0 ? fuse(fuseAt) : (service) => service;
const store = await openMinerStore(join(folder, 'miner.sqlite'));
const jobs = fused(store.jobs);
const assignments = fused(store.assignments);
const hub = fused(createHub({ endpoint: hubUrl, token: new Secret(process.env.SIM_TOKEN), retryBaseMs: 100 }));
const chain = fused(new FakeChain(folder));
const root = join(folder, 'runner');
const runner = fused(
  runnerKind === 'docker'
    ? await createDockerRunner({ root, image, logger, engineWaitMs: 60_000 })
    : await createProcessRunner({ root, logger }),
);
const jobsRoot = join(folder, 'jobs');
const submitter = new Submitter({
  chain,
  hub,
  hotkey: { address: hotkey },
  netuid: 1,
  namespace: 'sim',
  jobs,
  assignments,
  logger,
  jobFolder: (id) => join(jobsRoot, id),
  signal: new AbortController().signal,
});
const handOver = new JobHandOver({ jobs, assignments, submitter, logger });
const models = new ModelCache(hub, join(folder, 'models'), {
  maxModelBytes: 2 ** 20,
  // Nothing stays that no job uses: the cache is emptied and filled all the time.
  budgetBytes: 0,
  wanted: () => room.wantedModels(),
  logger,
});
const room = new RoomBook({ folder, jobsRoot, jobs, models, adapter: true });
const preparation = {
  hub,
  models,
  room,
  assignments,
  baseRecipe: BASE_RECIPE,
  recipeOverrides: {},
  hotkey,
  finishBy: () => Date.now() + 3_600_000,
};
const worker = createTrainingWorker({
  jobs,
  runner,
  root: jobsRoot,
  slots,
  ...(runnerKind === 'docker'
    ? { trainerCommand: ['/usr/bin/node', '/job/data/trainer.mjs'], trainerImage: image }
    : { trainerCommand: [process.execPath, trainer] }),
  limits: { wallMs: 600_000, memoryBytes: 2 ** 29, outputBytes: 2 ** 24, graceMs: 2_000 },
  prepare: async (job, dir, signal) => {
    await prepareJob(preparation, job, dir, signal);
    copyFileSync(trainer, join(dir, 'data', 'trainer.mjs'));
  },
  onEnd: (job) => handOver.onEnd(job),
  logger,
});
handOver.takeUp();
await worker.start();
submitter.resume();

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { offer, cancel } = JSON.parse(line);
    if (cancel) return say({ cancelled: cancel, done: await worker.cancel(taskJobId(cancel)) });
    const { taskId, deadlineBlock } = offer;
    const jobId = taskJobId(taskId);
    store.transaction(() => {
      jobs.insert({ id: jobId, kind: 'task', payload: { kind: 'task', taskId }, priority: 10, deadlineBlock });
      assignments.insert({ taskId, validator: hotkey, offer, jobId });
    });
    say({ accepted: taskId });
    worker.wake();
  })
  .on('close', () => process.exit(0));
say({ ready: true });
