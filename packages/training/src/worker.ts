import { mkdir } from 'node:fs/promises';
import { BadInputError, errorMessage, type Logger, retry, silentLogger, withDeadline } from '@tuning/kit';
import type { CurvePoint } from '@tuning/protocol';
import type { JobHandle, JobLimits, JobResult, Runner } from '@tuning/runner';
import type { JobRecord, JobRepository } from '@tuning/store';
import { Backoff } from './backoff.ts';
import { CurveCollector, readCurve } from './curve-log.ts';
import { type DiskBudget, enforceDiskBudget } from './disk-budget.ts';
import { type JobEnd, judgeError, judgeResult } from './job-end.ts';
import { deleteFolder, hasModel, jobFolder, runnerId } from './job-folder.ts';
import { summarise, trainingProgressSchema } from './outcome.ts';
import { followProgress, totalStepsOf } from './progress.ts';

/** The label by which a later life of the daemon finds its jobs. */
const LABEL = { tuning: 'training' } as const;
/** A base model of many GB over a slow line. */
const PREPARE_MS = 2 * 60 * 60 * 1000;
/** Pause after the store could not give a job. */
const CLAIM_RETRY_MS = 5_000;

export interface TrainingWorkerOptions {
  jobs: JobRepository;
  runner: Runner;
  /** Folder of the job folders, `<root>/<job id>`. */
  root: string;
  /** Jobs that train at the same time. */
  slots: number;
  /** argv of the trainer; it finds its job by TUNING_JOB_DIR and working directory. */
  trainerCommand: readonly string[];
  /** Image of the trainer, for a runner of containers. */
  trainerImage?: string;
  /** Added to the trainer's minimal environment, for instance TUNING_THREADS. */
  trainerEnv?: Record<string, string>;
  /** Limits of one job, or a rule for them. */
  limits: JobLimits | ((job: JobRecord) => JobLimits);
  /** Puts recipe.yml, data/train.jsonl and model/ into `dir`. Idempotent: it may run again after a crash. */
  prepare: (job: JobRecord, dir: string, signal: AbortSignal) => Promise<void>;
  /**
   * Called once a job has Completed, Failed or been Cancelled, with its final record. A crash of the daemon can come
   * between the two: at its start the owner looks for ended jobs that it has not dealt with.
   */
  onEnd: (job: JobRecord) => void;
  /** Longest preparation in ms. Default 2 h. */
  prepareMs?: number;
  /** Without it no folder is deleted except by `removeJobFolder`. */
  diskBudget?: DiskBudget;
  logger?: Logger;
}

export interface TrainingWorker {
  /** Takes up running jobs of an earlier life first, then claims queued ones. */
  start(): Promise<void>;
  /** Tells the worker that the queue has something new. */
  wake(): void;
  /** Ends a queued or running job as Cancelled. False where there is nothing to cancel. */
  cancel(id: string): Promise<boolean>;
  /** The loss curve so far, at most LIMITS.curvePoints points; empty where there is none. */
  curve(id: string): Promise<CurvePoint[]>;
  /**
   * Default: SIGTERM, the trainer writes its checkpoint (it has `limits.graceMs` for that), the job is queued again.
   * `detach` leaves jobs running for the next life to adopt.
   */
  stop(options?: { detach?: boolean }): Promise<void>;
  /** Deletes an ended job's folder, model and all. @throws BadInputError `JOB_NOT_ENDED`. */
  removeJobFolder(id: string): Promise<void>;
}

/** One job in a slot. */
interface Run {
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
      if (cancelled) this.#announce(id);
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

  async #toItsEnd(job: JobRecord, run: Run): Promise<void> {
    let end: JobEnd;
    try {
      run.handle ??= await this.#launch(job, run.interrupt.signal);
      end = await this.#follow(job, run, run.handle);
    } catch (error) {
      if (run.detach.signal.aborted || (error as { code?: unknown }).code === 'RUNNER_CLOSED') return;
      end = run.interrupted
        ? { kind: 'retry', reason: 'the daemon stopped before the training had started', countAttempt: false }
        : judgeError(error, job.attempts);
    }
    if (run.cancelled) end = { kind: 'Cancelled' };
    await this.#conclude(job, end, run.interrupted);
  }

  async #launch(job: JobRecord, signal: AbortSignal): Promise<JobHandle> {
    const {
      runner,
      root,
      prepare,
      trainerCommand,
      trainerImage,
      trainerEnv = {},
      limits,
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
        env: trainerEnv,
        dir,
        limits: typeof limits === 'function' ? limits(job) : limits,
        labels: { ...LABEL, job: job.id },
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
    return judgeResult(result, job.attempts, trained);
  }

  async #conclude(job: JobRecord, end: JobEnd, interrupted: boolean): Promise<void> {
    const { jobs, runner } = this.#options;
    // First the store: a crash in between leaves a registered run, which the next start clears away.
    await retry(async () => {
      if (end.kind === 'retry') jobs.requeue(job.id, end.reason, { countAttempt: end.countAttempt });
      else if (end.kind === 'Completed') jobs.finish(job.id, 'Completed', { result: end.result });
      else if (end.kind === 'Failed') jobs.finish(job.id, 'Failed', { error: end.error });
      else jobs.finish(job.id, 'Cancelled');
    });
    if (end.kind === 'retry') {
      this.#logger.warn({ job: job.id, reason: end.reason }, 'a training job goes back to the queue');
      if (!interrupted) this.#backoff.delay(job.id, Date.now());
    } else {
      this.#logger.info({ job: job.id, state: end.kind }, 'a training job has ended');
      this.#backoff.forget(job.id);
    }
    await runner.remove(runnerId(job.id));
    if (end.kind === 'retry') return;
    this.#announce(job.id);
    await this.#enforceBudget();
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

  #announce(id: string): void {
    const job = this.#options.jobs.get(id);
    if (!job) return;
    try {
      this.#options.onEnd(job);
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
