import type { Logger } from '@tuning/kit';
import type { CurvePoint } from '@tuning/protocol';
import type { JobLimits, Runner } from '@tuning/runner';
import type { JobRecord, JobRepository } from '@tuning/store';
import type { DiskBudget } from './disk-budget.ts';

export interface TrainingWorkerOptions {
  jobs: JobRepository;
  runner: Runner;
  /** Folder of the job folders, `<root>/<job id>`. */
  root: string;
  /** Jobs that train at the same time. */
  slots: number;
  /** GPUs of each slot by index or UUID, so that no two jobs share one; absent: the runner's for every job. */
  slotGpus?: readonly (readonly string[])[];
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
