import { z } from 'zod';

const MAX_TIMER_MS = 2 ** 31 - 1;

/** Bounds on one job. A job that crosses one ends with the outcome of that name. */
export const jobLimitsSchema = z.strictObject({
  /** Longest run from the start of the command to its end, in ms; then SIGTERM, grace, SIGKILL. */
  wallMs: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
  /** Resident memory of all the job's processes together, in bytes; over it the job is killed at once. */
  memoryBytes: z.number().int().min(1),
  /** Bytes by which the job folder may grow over its size at the start. */
  outputBytes: z.number().int().min(0),
  /** Time between SIGTERM and SIGKILL, in ms. */
  graceMs: z.number().int().min(0).max(MAX_TIMER_MS),
});
export type JobLimits = z.infer<typeof jobLimitsSchema>;

export const jobIdSchema = z.string().regex(/^[a-z0-9-]{1,64}$/, 'must be 1 to 64 of a-z, 0-9 and "-"');

const absolutePath = z
  .string()
  .max(4096)
  .refine((path) => path.startsWith('/') && !path.includes('\0'), 'must be an absolute path');

const noNul = z.string().refine((text) => !text.includes('\0'), 'must not contain a NUL');

export const jobSpecSchema = z.strictObject({
  id: jobIdSchema,
  command: z.tuple([absolutePath], noNul).readonly(),
  image: z.string().min(1).max(512).exactOptional(),
  outputs: z
    .array(z.string().regex(/^[a-z0-9_-]{1,64}$/))
    .min(1)
    .max(16)
    .readonly()
    .exactOptional(),
  dir: absolutePath,
  gpus: z.array(z.string().min(1).max(80)).min(1).max(64).readonly().exactOptional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), noNul).exactOptional(),
  limits: jobLimitsSchema,
  labels: z.record(z.string().min(1).max(64), z.string().max(256)),
});

/** What to run, where, and within which bounds. */
export interface JobSpec {
  /** Unique per registry: `[a-z0-9-]{1,64}`. */
  id: string;
  /** argv; `command[0]` is an absolute path, in the image where there is one. No shell is involved. */
  command: readonly string[];
  /** The container image, which the `docker` backend needs and the `process` backend refuses. */
  image?: string;
  /** Sub-folders of `dir` that the job writes to. `docker` shows it the rest read-only; `process` cannot hold it to that. */
  outputs?: readonly string[];
  /**
   * Absolute job folder made by the caller, inputs in it. It is the working directory and TUNING_JOB_DIR (`/job` in a
   * container), and HOME of a process.
   */
  dir: string;
  /** GPUs by index or UUID, instead of the runner's; `process` gives every job what the machine has. */
  gpus?: readonly string[];
  /** Added to the minimal environment. The daemon's own environment is never passed on. */
  env?: Record<string, string>;
  limits: JobLimits;
  /** What `adopt` finds the job by. */
  labels: Record<string, string>;
}

export const jobOutcomes = ['completed', 'failed', 'timeout', 'memory', 'output', 'stopped', 'lost'] as const;

/**
 * `completed`: exit code 0. `failed`: any other end of its own. `timeout`, `memory`, `output`: killed at that limit.
 * `stopped`: on request (also where the job then left with code 0). `lost`: its supervisor is gone without a result
 * (the machine was restarted, or the supervisor was killed), and what was left of the job has been killed.
 */
export type JobOutcome = (typeof jobOutcomes)[number];

export interface JobResult {
  outcome: JobOutcome;
  /** Null where the command ended by a signal, was never started, or is lost. */
  exitCode: number | null;
  /** Last lines of stdout and stderr, at most 8 KiB. */
  logTail: string;
  /** Unix time in ms. */
  startedAt: number;
  endedAt: number;
  /** Largest sum of resident memory seen over the job's processes. */
  peakRssBytes: number;
  /** One sentence on what ended the job, for a log line or an error. */
  reason?: string;
}

export interface JobHandle {
  readonly id: string;
  readonly dir: string;
  readonly labels: Readonly<Record<string, string>>;
  /**
   * Resolves once the job has ended and every log line was delivered. Aborting gives up the waiting, not the job.
   * @throws the signal's reason; TransientError `RUNNER_CLOSED` when the runner is closed meanwhile.
   */
  wait(signal?: AbortSignal): Promise<JobResult>;
  /** SIGTERM to the job's whole process group, after the grace time SIGKILL. An ended job keeps its result. */
  stop(): Promise<JobResult>;
}

export interface Runner {
  /**
   * Starts a job, or takes up the one that already has this id: running or ended, until it is removed. `signal` gives
   * up the start only; a started job is left alone. `onLog` gets whole lines of stdout and stderr, from the first kept.
   * @throws BadInputError `JOB_SPEC_INVALID`; TransientError `JOB_NOT_STARTED`.
   */
  start(spec: JobSpec, options?: { signal?: AbortSignal; onLog?: (line: string) => void }): Promise<JobHandle>;
  /** Jobs of an earlier daemon life, running or ended and not yet removed, that carry all of `labels`. */
  adopt(labels: Record<string, string>, options?: { onLog?: (line: string, id: string) => void }): Promise<JobHandle[]>;
  /** Forgets a job and its logs (never the job folder); a running one is stopped first. Unknown ids are fine. */
  remove(id: string): Promise<void>;
  /** Detaches: jobs keep running and can be adopted. Pending waits are rejected with `RUNNER_CLOSED`. */
  close(): Promise<void>;
}
