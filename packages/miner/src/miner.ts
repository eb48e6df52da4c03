import { join } from 'node:path';
import type { MinerConfig } from '@tuning/config';
import { errorMessage, GIB, type Logger, OperatorError } from '@tuning/kit';
import { type BaseModel, listenHttp, localFilesOf, ModelCache, type NeuronSecrets, openNeuron } from '@tuning/neuron';
import { MAX_COMMITTED_REPO_BYTES } from '@tuning/protocol';
import { createProcessRunner } from '@tuning/runner';
import { type MinerStore, openMinerStore } from '@tuning/store';
import { createTrainingWorker, loadRecipe } from '@tuning/training';
import { createMinerApi } from './http-api.ts';
import { sweepIntake } from './intake-sweep.ts';
import { JobHandOver } from './job-hand-over.ts';
import { jobPayloadSchema } from './job-payload.ts';
import { prepareJob } from './job-preparation.ts';
import { type JobsView, viewJobs } from './job-view.ts';
import { watchJobs } from './job-watch.ts';
import { createOfferSurvey, TRAINING_SHARE } from './offer-survey.ts';
import { BASE_RECIPE, readRecipeOverrides } from './recipe-overrides.ts';
import { RoomBook } from './room-book.ts';
import { createSelfCheck } from './self-check.ts';
import { SpeedBook } from './speed-book.ts';
import { measureSpeed } from './speed-measure.ts';
import { Submitter, submissionRepo } from './submitter.ts';
import { TaskDesk } from './task-desk.ts';
import { gpusOfSlots, openTrainingRunner } from './training-runner.ts';

export interface RunMinerArgs {
  config: MinerConfig;
  secrets: NeuronSecrets;
  logger: Logger;
  /** Abort it to stop the daemon. */
  signal: AbortSignal;
  /** Shows the jobs under way on a terminal, twice a second; without it their progress goes to the log now and then. */
  showJobs?: (view: JobsView) => void;
  /** Called once when the daemon answers validators and HTTP. */
  onReady?: (info: { uid: number; hotkey: string; httpPort: number; peerPort: number }) => void;
}

/** Alpha has nine decimals, like TAO. */
const RAO_PER_ALPHA = 1_000_000_000;
/** Time for a training job to write its checkpoint when the daemon stops, in ms. */
const CHECKPOINT_GRACE_MS = 10_000;
/** What one job may write; less where all of them together may keep less. */
const MAX_OUTPUT_GIB = 64;

/** @throws OperatorError HUB_NAMESPACE_TOO_LONG, before hours of training end in a commitment that does not fit. */
function checkNamespace(namespace: string): void {
  const longest = MAX_COMMITTED_REPO_BYTES - submissionRepo('', '0'.repeat(16)).length;
  if (namespace.length <= longest) return;
  throw new OperatorError(
    'HUB_NAMESPACE_TOO_LONG',
    `the hub namespace "${namespace}" has over ${longest} characters, so its repo ids do not fit a commitment: give a shorter one with --hub.namespace`,
  );
}

/** Base models of trained tasks whose model is not pushed yet: the self-check needs them once more. */
function modelsToCheck({ assignments }: MinerStore): BaseModel[] {
  return assignments.list({ states: ['publishing'] }).map(({ offer }) => offer.model);
}

/** Runs a miner until the signal aborts. @throws OperatorError in one clear line for what only the operator can mend. */
export async function runMiner({ config, secrets, logger, signal, showJobs, onReady }: RunMinerArgs): Promise<void> {
  const recipeOverrides = await readRecipeOverrides(config.training.recipe);
  // A wrong recipe must be known before the first task is accepted.
  const recipe = loadRecipe({ baseFile: BASE_RECIPE, overrides: recipeOverrides });

  const neuron = await openNeuron({ role: 'miner', config, secrets, logger, signal });
  const { chain, hub, hotkey, folder, shutdown } = neuron;
  try {
    checkNamespace(neuron.namespace);
    const store = await openMinerStore(folder.file('miner.sqlite'));
    shutdown.push('store', () => store.close());
    const { runner, trainer } = await openTrainingRunner(config.training, folder, logger.child({ module: 'runner' }));
    shutdown.push('runner', () => runner.close());
    const models = new ModelCache(hub, folder.file('models'), {
      maxModelBytes: config.policy.max_model_gb * GIB,
      budgetBytes: config.training.max_cache_gb * GIB,
      wanted: () => [...room.wantedModels(), ...modelsToCheck(store)],
      logger: logger.child({ module: 'models' }),
    });
    const jobsRoot = folder.file('jobs');
    const adapter = Boolean(recipe.adapter);
    const room = new RoomBook({ folder: folder.path, jobsRoot, jobs: store.jobs, models, adapter });
    await models.tidy();
    const jobFolder = (id: string) => join(jobsRoot, id);

    const services = {
      hub,
      models,
      assignments: store.assignments,
      baseRecipe: BASE_RECIPE,
      recipeOverrides,
      hotkey: hotkey.address,
      room,
      finishBy: (deadlineBlock: number) => {
        const left = Math.max(0, deadlineBlock - chain.head.number) * chain.blockTimeMs;
        return Math.round(Date.now() + left * TRAINING_SHARE);
      },
    };
    const logCheck = logger.child({ module: 'check' });
    const checks = config.training.skip_self_check
      ? undefined
      : await createProcessRunner({ root: folder.file('check-runner'), logger: logCheck });
    if (checks) shutdown.push('checks', () => checks.close());
    const check =
      checks &&
      createSelfCheck({
        models,
        runner: checks,
        root: folder.file('checks'),
        memoryBytes: config.training.max_memory_gb * GIB,
        threads: config.training.threads,
        logger: logCheck,
        msUntil: (block) => Math.max(0, block - chain.head.number) * chain.blockTimeMs,
      });
    const submitter = new Submitter({
      chain,
      hub,
      hotkey,
      netuid: config.netuid,
      namespace: neuron.namespace,
      jobs: store.jobs,
      assignments: store.assignments,
      logger: logger.child({ module: 'submitter' }),
      jobFolder,
      signal,
      ...(check ? { check } : {}),
    });
    const speeds = await SpeedBook.open(folder.file('speed.json'), logger.child({ module: 'tasks' }));
    const handOver = new JobHandOver({
      measure: (offer, result) => measureSpeed({ models, recipe, speeds, logger }, offer, result),
      jobs: store.jobs,
      assignments: store.assignments,
      submitter,
      logger: logger.child({ module: 'worker' }),
    });
    const slotGpus = gpusOfSlots(config.training);
    const worker = createTrainingWorker({
      jobs: store.jobs,
      runner,
      root: jobsRoot,
      slots: config.training.slots,
      ...(slotGpus ? { slotGpus } : {}),
      ...trainer,
      trainerEnv: { TUNING_THREADS: String(config.training.threads) },
      limits: {
        wallMs: Math.round(config.training.max_hours * 3_600_000),
        memoryBytes: Math.round(config.training.max_memory_gb * GIB),
        outputBytes: Math.round(Math.min(MAX_OUTPUT_GIB, config.training.max_disk_gb) * GIB),
        graceMs: CHECKPOINT_GRACE_MS,
      },
      prepare: (job, dir, jobSignal) => prepareJob(services, job, dir, jobSignal),
      onEnd: (job) => handOver.onEnd(job),
      diskBudget: {
        bytes: config.training.max_disk_gb * GIB,
        consumed: (job) => {
          const payload = jobPayloadSchema.parse(job.payload);
          if (payload.kind === 'own') return true;
          const state = store.assignments.get(payload.taskId)?.state;
          return state === 'published' || state === 'failed';
        },
      },
      logger: logger.child({ module: 'worker' }),
    });
    shutdown.push('submissions', () => submitter.settle());
    shutdown.push('training worker', () => worker.stop());
    handOver.takeUp();
    await worker.start();
    submitter.resume();

    const watching = watchJobs({
      view: () => viewJobs(store, chain.head.number),
      show: showJobs,
      logger: logger.child({ module: 'worker' }),
      signal,
    });
    shutdown.push('job watch', () => watching);

    const desk = new TaskDesk({
      store,
      worker,
      chain,
      config,
      logger: logger.child({ module: 'tasks' }),
      stakeAlphaOf: (hotkey) => Number(neuron.metagraph.neuron(hotkey)?.stake ?? 0n) / RAO_PER_ALPHA,
      survey: createOfferSurvey({
        ...{ models, metagraph: neuron.metagraph, chain, hotkey: hotkey.address, recipe, speeds },
        assumedSpeed: config.policy.tokens_per_second_1b,
        alphaPerBlock: config.policy.alpha_per_block,
        gpus: slotGpus?.[0]?.length ?? config.training.gpus?.length ?? 0,
      }),
      room,
    });
    await sweepIntake(folder.file('intake'), store.jobs, logger.child({ module: 'http' }));
    const http = createMinerApi({
      store,
      worker,
      models,
      hub,
      intakeFolder: folder.file('intake'),
      room,
      maxModelBytes: config.policy.max_model_gb * GIB,
      localFiles: localFilesOf(config, folder.path),
      apiKey: secrets.apiKey,
      logger: logger.child({ module: 'http' }),
      signal,
    });
    const httpPort = await listenHttp(http, config.http.host, config.http.port);
    shutdown.push('http', () => http.close());

    const peer = await neuron.openPeer({
      onOffer: (from, offer, offerSignal) => desk.onOffer(from, offer, offerSignal),
      onStatus: async (from, taskId) => desk.onStatus(from, taskId),
      onCurve: (from, request) => desk.onCurve(from, request),
    });
    shutdown.push(
      'deadline watch',
      chain.onFinalised(({ number }) => {
        submitter.onBlock();
        try {
          desk.dropExpired(number);
        } catch (error) {
          // With the next block again; a full disk, say.
          logger.error({ error: errorMessage(error) }, 'cannot end the tasks whose deadline is over');
        }
      }),
    );
    shutdown.push('offers', () => {
      desk.draining = true;
    });
    logger.info({ uid: neuron.uid, httpPort, peerPort: peer.port }, 'miner is ready');
    onReady?.({ uid: neuron.uid, hotkey: hotkey.address, httpPort, peerPort: peer.port });
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    await shutdown.close();
  }
}
