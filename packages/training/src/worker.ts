import { mkdir } from 'node:fs/promises';
import {
  BadInputError,
  errorMessage,
  freeBytes,
  isDiskFull,
  type Logger,
  pathExists,
  retry,
  silentLogger,
  untilThereIsRoom,
  withDeadline,
} from '@tuning/kit';
import type { CurvePoint } from '@tuning/protocol';
import type { JobHandle, JobResult } from '@tuning/runner';
import type { JobRecord } from '@tuning/store';
import { Backoff } from './backoff.ts';
import { CurveCollector, readCurve } from './curve-log.ts';
import { enforceDiskBudget } from './disk-budget.ts';
import { type JobEnd, judgeError, judgeResult } from './job-end.ts';
import { deleteFolder, hasModel, jobFolder, runnerId } from './job-folder.ts';
import { summarise, trainingProgressSchema } from './outcome.ts';
import { followProgress, totalStepsOf } from './progress.ts';
import type { TrainingWorker, TrainingWorkerOptions } from './worker-options.ts';

/** The label by which a later life of the daemon finds its jobs. */
const LABEL = { tuning: 'training' } as const;
/** A base model of many GB over a slow line. */
const PREPARE_MS = 2 * 60 * 60 * 1000;
/** Pause after the store could not give a job. */
const CLAIM_RETRY_MS = 5_000;
/** With less room a trainer that complains of a full disk is believed. */
const LOW_ON_DISK_BYTES = 64 * 1024 ** 2;

/** One job in a slot. */
interface Run {
  /** From 0. */
  readonly slot: number;
  /** Aborts preparation and start. */
  readonly interrupt: AbortController;
  /** Aborts the waiting and leaves the job as it is. */
  readonly detach: AbortController;
  readonly done: Promise<void>;
  /** The loss curve so far. */
  readonly curve: CurveCollector;
  handle?: JobHandle;
  cancelled: boolean;
  /** Interrupted by `stop` or `cancel`. */
  interrupted: boolean;
}

class Worker implements TrainingWorker {
  readonly #options: TrainingWorkerOptions;
  readonly #logger: Logger;
  readonly #runs = new Map<string, Run>();
  readonly #backoff = new Backoff();
  readonly #totalSteps = new Map<string, number>();
  #state: 'new' | 'started' | 'stopped' = 'new';
  #timer: NodeJS.Timeout | undefined;
  readonly #stopping = new AbortController();

  constructor(options: TrainingWorkerOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  async start(): Promise<void> {
    const { jobs, runner, root } = this.#options;
    await mkdir(root, { recursive: true, mode: 0o700 });
    const handles = await runner.adopt(LABEL, {
      onLog: (line, id) => this.#noteLine(id.slice(runnerId('').length), line),
    });
    const byJob = new Map(handles.map((handle) => [handle.labels['job'] ?? '', handle]));
    for (const job of jobs.list({ states: ['Running'] })) {
      const handle = byJob.get(job.id);
      byJob.delete(job.id);
      const stored = trainingProgressSchema.safeParse(job.progress).data?.totalSteps;
      if (stored !== undefined) this.#totalSteps.set(job.id, stored);
      if (handle) {
        this.#logger.info({ job: job.id }, 'took up a training job of an earlier run of the daemon');
        this.#run(job, handle);
      } else {
        jobs.requeue(job.id, 'the daemon ended before the training had started', { countAttempt: false });
      }
    }
    // Ended or running under a job that is not Running any more: the daemon died between two steps.
    await Promise.all([...byJob.values()].map((handle) => runner.remove(handle.id)));
    await this.#enforceBudget();
    // It may have been stopped meanwhile.
    if (this.#state === 'new') this.#state = 'started';
    this.#fill();
  }

  wake(): void {
    this.#fill();
  }

  async cancel(id: string): Promise<boolean> {
    const run = this.#runs.get(id);
    if (!run) {
      const cancelled = this.#options.jobs.finish(id, 'Cancelled');
      if (cancelled) await this.#announce(id);
      return cancelled;
    }
    run.cancelled = true;
    this.#interrupt(id, run);
    await run.done;
    return this.#options.jobs.get(id)?.state === 'Cancelled';
  }

  async curve(id: string): Promise<CurvePoint[]> {
    const file = jobFolder(this.#options.root, id).curveLog;
    // The log of a long run is too long to be read for each question.
    return this.#runs.get(id)?.curve.points() ?? readCurve(file);
  }

  async stop(options: { detach?: boolean } = {}): Promise<void> {
    this.#state = 'stopped';
    this.#stopping.abort(new Error('the worker stops'));
    clearTimeout(this.#timer);
    for (const [id, run] of this.#runs) {
      if (options.detach) {
        run.detach.abort(new Error('the worker was detached'));
        run.interrupt.abort(run.detach.signal.reason);
      } else {
        this.#interrupt(id, run);
      }
    }
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }

  async removeJobFolder(id: string): Promise<void> {
    const folder = jobFolder(this.#options.root, id);
    const state = this.#options.jobs.get(id)?.state;
    if (state === 'Queued' || state === 'Running') {
      throw new BadInputError('JOB_NOT_ENDED', `job ${id} is ${state}: cancel it before its folder is deleted`);
    }
    await deleteFolder(folder);
  }

  /** Claims jobs for the free slots. */
  #fill(): void {
    if (this.#state !== 'started') return;
    clearTimeout(this.#timer);
    const now = Date.now();
    const { ids, next } = this.#backoff.waiting(now);
    try {
      while (this.#runs.size < this.#options.slots) {
        const job = this.#options.jobs.claim(now, { except: ids });
        if (!job) break;
        this.#run(job);
      }
      if (next !== undefined) this.#timer = setTimeout(() => this.#fill(), next - now + 1);
    } catch (error) {
      this.#logger.error({ error: errorMessage(error) }, 'cannot claim a training job');
      this.#timer = setTimeout(() => this.#fill(), CLAIM_RETRY_MS);
    }
  }

  #run(job: JobRecord, adopted?: JobHandle): void {
    let settle = () => {};
    const run: Run = {
      slot: this.#slotOf(adopted),
      interrupt: new AbortController(),
      detach: new AbortController(),
      done: new Promise((resolve) => {
        settle = resolve;
      }),
      curve: new CurveCollector(),
      cancelled: false,
      interrupted: false,
      ...(adopted ? { handle: adopted } : {}),
    };
    this.#runs.set(job.id, run);
    this.#toItsEnd(job, run)
      .catch((error) => {
        // The store or the registry failed: the job stays Running there and is taken up at the next start.
        this.#logger.error({ job: job.id, error: errorMessage(error) }, 'a training job could not be concluded');
      })
      .finally(() => {
        this.#runs.delete(job.id);
        this.#totalSteps.delete(job.id);
        settle();
        this.#fill();
      });
  }

  /** An adopted job keeps the slot whose GPUs it has; a new one gets the first that is free. */
  #slotOf(adopted: JobHandle | undefined): number {
    const own = Number.parseInt(adopted?.labels['slot'] ?? '', 10);
    if (own >= 0) return own;
    const taken = new Set([...this.#runs.values()].map(({ slot }) => slot));
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    return slot;
  }

  async #toItsEnd(job: JobRecord, run: Run): Promise<void> {
    let end: JobEnd;
    try {
      run.handle ??= await this.#launch(job, run.slot, run.interrupt.signal);
      end = await this.#follow(job, run, run.handle);
    } catch (error) {
      if (isDiskFull(error)) await this.#dropHalfPrepared(job.id);
      if (run.detach.signal.aborted || (error as { code?: unknown }).code === 'RUNNER_CLOSED') return;
      end = run.interrupted
        ? { kind: 'retry', reason: 'the daemon stopped before the training had started', countAttempt: false }
        : judgeError(error, job.attempts);
    }
    if (run.cancelled) end = { kind: 'Cancelled' };
    await this.#conclude(job, end, run.interrupted);
  }

  async #launch(job: JobRecord, slot: number, signal: AbortSignal): Promise<JobHandle> {
    const {
      runner,
      root,
      prepare,
      trainerCommand,
      trainerImage,
      trainerEnv = {},
      limits,
      slotGpus,
      prepareMs = PREPARE_MS,
    } = this.#options;
    const { dir } = jobFolder(root, job.id);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await withDeadline(`preparing job ${job.id}`, prepareMs, (own) => prepare(job, dir, own), signal);
    // An earlier run under the same id would be taken for this one.
    await runner.remove(runnerId(job.id));
    return runner.start(
      {
        id: runnerId(job.id),
        command: trainerCommand,
        ...(trainerImage === undefined ? {} : { image: trainerImage }),
        outputs: ['out'],
        ...(slotGpus?.[slot] ? { gpus: slotGpus[slot] } : {}),
        env: trainerEnv,
        dir,
        limits: typeof limits === 'function' ? limits(job) : limits,
        labels: { ...LABEL, job: job.id, slot: String(slot) },
      },
      { signal, onLog: (line) => this.#noteLine(job.id, line) },
    );
  }

  async #follow(job: JobRecord, run: Run, handle: JobHandle): Promise<JobEnd> {
    const { jobs, root } = this.#options;
    const folder = jobFolder(root, job.id);
    const ended = new AbortController();
    const following = followProgress({
      folder,
      totalSteps: () => this.#totalSteps.get(job.id),
      report: (progress) => jobs.setProgress(job.id, progress),
      curve: run.curve,
      signal: ended.signal,
      logger: this.#logger,
    });
    let result: JobResult;
    try {
      // The interruption may have come while the job was being started.
      if (run.interrupted) this.#stopJob(job.id, handle);
      result = await handle.wait(run.detach.signal);
    } finally {
      ended.abort();
      await following;
    }
    const trained = (await hasModel(folder)) ? summarise(folder.modelOut, await readCurve(folder.curveLog)) : undefined;
    const lowOnDisk = result.outcome === 'failed' && (await freeBytes(root)) < LOW_ON_DISK_BYTES;
    return judgeResult(result, job.attempts, trained, lowOnDisk);
  }

  async #conclude(job: JobRecord, end: JobEnd, interrupted: boolean): Promise<void> {
    const { jobs, runner } = this.#options;
    // First the store: a crash in between leaves a registered run, which the next start clears away.
    await this.#write(`the end of job ${job.id}`, () =>
      retry(async () => {
        if (end.kind === 'retry') jobs.requeue(job.id, end.reason, { countAttempt: end.countAttempt });
        else if (end.kind === 'Completed') jobs.finish(job.id, 'Completed', { result: end.result });
        else if (end.kind === 'Failed') jobs.finish(job.id, 'Failed', { error: end.error });
        else jobs.finish(job.id, 'Cancelled');
      }),
    );
    if (end.kind === 'retry') {
      this.#logger.warn({ job: job.id, reason: end.reason }, 'a training job goes back to the queue');
      if (!interrupted) this.#backoff.delay(job.id, Date.now());
    } else {
      this.#logger.info({ job: job.id, state: end.kind }, 'a training job has ended');
      this.#backoff.forget(job.id);
    }
    await runner.remove(runnerId(job.id));
    if (end.kind === 'retry') return;
    await this.#announce(job.id);
    await this.#enforceBudget();
  }

  #write<T>(what: string, work: () => T | Promise<T>): Promise<T> {
    return untilThereIsRoom(what, work, { signal: this.#stopping.signal, logger: this.#logger });
  }

  /** What lies in a folder without a recipe is begun anew in any case; the room is needed to note what happened. */
  async #dropHalfPrepared(id: string): Promise<void> {
    const folder = jobFolder(this.#options.root, id);
    if (await pathExists(folder.recipe)) return;
    await deleteFolder(folder).catch((error: unknown) => {
      this.#logger.warn({ job: id, error: errorMessage(error) }, 'cannot delete a half prepared job folder');
    });
  }

  #interrupt(id: string, run: Run): void {
    run.interrupted = true;
    run.interrupt.abort(new Error('the training was interrupted'));
    if (run.handle) this.#stopJob(id, run.handle);
  }

  #stopJob(id: string, handle: JobHandle): void {
    handle.stop().catch((error) => {
      this.#logger.debug({ job: id, error: errorMessage(error) }, 'stopping a training job was cut short');
    });
  }

  async #announce(id: string): Promise<void> {
    const job = this.#options.jobs.get(id);
    if (!job) return;
    try {
      await this.#write(`what follows from job ${id}`, () => this.#options.onEnd(job));
    } catch (error) {
      this.#logger.error({ job: id, error: errorMessage(error) }, 'the end of a training job could not be dealt with');
    }
  }

  #noteLine(id: string, line: string): void {
    const total = totalStepsOf(line);
    if (total !== undefined) this.#totalSteps.set(id, total);
    this.#logger.trace({ job: id, line }, 'trainer output');
  }

  async #enforceBudget(): Promise<void> {
    const { root, jobs, diskBudget: budget } = this.#options;
    if (!budget) return;
    try {
      await enforceDiskBudget({ root, jobs, budget, logger: this.#logger });
    } catch (error) {
      this.#logger.warn({ error: errorMessage(error) }, 'cannot tidy the training folders');
    }
  }
}

/** The miner's training queue at work: claims jobs, prepares and runs them, and carries them over crashes. */
export function createTrainingWorker(options: TrainingWorkerOptions): TrainingWorker {
  return new Worker(options);
}
