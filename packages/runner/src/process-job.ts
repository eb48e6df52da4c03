import { errorMessage, type Logger, sleep, TransientError } from '@tuning/kit';
import type { JobHandle, JobResult, JobSpec } from './job.ts';
import { killJob, sendSignal } from './kill-family.ts';
import { LogFollower, readLogTail } from './log-segments.ts';
import { orAborted } from './or-aborted.ts';
import { isAlive } from './procfs.ts';
import {
  type ExitFile,
  type JobFile,
  readExit,
  readJobFile,
  readProcess,
  readSupervisor,
  writeExit,
} from './registry.ts';

const POLL_MS = 100;
/** After a fault, a full disk say. */
const AGAIN_MS = 2_000;
/** A supervisor needs this much over the job's grace time to clean up and write the result. */
const STOP_SLACK_MS = 15_000;

interface Listener {
  readonly follower: LogFollower;
  readonly onLog: (line: string) => void;
}

/** One registered job as the daemon sees it: follows its log and waits for its result by looking at its files. */
export class ProcessJob implements JobHandle {
  readonly id: string;
  readonly dir: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #spec: JobSpec;
  readonly #createdAt: number;
  readonly #logger: Logger;
  readonly #listeners: Listener[] = [];
  readonly #closing = new AbortController();
  readonly #ended: Promise<JobResult>;
  #hasEnded = false;

  constructor(folder: string, job: JobFile, logger: Logger) {
    this.id = job.spec.id;
    this.dir = job.spec.dir;
    this.labels = job.spec.labels;
    this.#folder = folder;
    this.#spec = job.spec;
    this.#createdAt = job.createdAt;
    this.#logger = logger;
    this.#ended = this.#watch();
    // Nobody may be waiting when the runner is closed.
    this.#ended.catch(() => {});
  }

  /** Lines from the first kept one on. Ignored once the job's end has been seen. */
  listen(onLog: (line: string) => void): void {
    this.#listeners.push({ follower: new LogFollower(this.#folder), onLog });
  }

  wait(signal?: AbortSignal): Promise<JobResult> {
    return orAborted(this.#ended, signal);
  }

  async stop(): Promise<JobResult> {
    const supervisor = await readSupervisor(this.#folder);
    if (this.#hasEnded || !supervisor) return this.#ended;
    if (isAlive(supervisor)) sendSignal(supervisor.pid, 'SIGTERM');
    const limit = setTimeout(() => {
      this.#logger.warn({ job: this.id }, 'a job supervisor did not stop in time and is killed');
      if (isAlive(supervisor)) sendSignal(supervisor.pid, 'SIGKILL');
    }, this.#spec.limits.graceMs + STOP_SLACK_MS);
    try {
      return await this.#ended;
    } finally {
      clearTimeout(limit);
    }
  }

  /** Stops watching; the job goes on. Resolves when nothing is read any more. */
  async detach(): Promise<void> {
    this.#closing.abort(
      new TransientError('RUNNER_CLOSED', `the runner was closed while job ${this.id} was running; it can be adopted`),
    );
    await this.#ended.catch(() => {});
  }

  async #watch(): Promise<JobResult> {
    const { signal } = this.#closing;
    for (let told = ''; ; ) {
      try {
        // In this order: a result that is there now means that the log read after it is complete.
        const exit = (await readExit(this.#folder)) ?? (await this.#lost());
        await this.#deliver();
        if (exit) {
          this.#hasEnded = true;
          return { ...exit, logTail: await readLogTail(this.#folder).catch(() => '') };
        }
      } catch (error) {
        signal.throwIfAborted();
        const problem = errorMessage(error);
        if (problem !== told) this.#logger.error({ job: this.id, error: problem }, 'cannot see to the state of a job');
        told = problem;
        await sleep(AGAIN_MS, signal);
      }
      await sleep(POLL_MS, signal);
    }
  }

  async #deliver(): Promise<void> {
    for (const { follower, onLog } of this.#listeners) {
      await follower.poll((line) => {
        try {
          onLog(line);
        } catch (error) {
          this.#logger.warn({ job: this.id, error: errorMessage(error) }, 'a log listener failed');
        }
      });
    }
  }

  /** The result of a job whose supervisor is gone without one; undefined while it lives. */
  async #lost(): Promise<ExitFile | undefined> {
    const supervisor = await readSupervisor(this.#folder);
    if (supervisor && isAlive(supervisor)) return undefined;
    if (!supervisor) {
      if (await readJobFile(this.#folder)) return undefined;
      // The whole entry was deleted by something else.
      await killJob(this.dir, undefined);
      return this.#lostExit();
    }
    // It may have written the result between the two looks.
    const late = await readExit(this.#folder);
    if (late) return late;
    await killJob(this.dir, await readProcess(this.#folder));
    const exit = this.#lostExit();
    await writeExit(this.#folder, exit);
    this.#logger.warn({ job: this.id }, 'a job was lost with its supervisor');
    return exit;
  }

  #lostExit(): ExitFile {
    return {
      outcome: 'lost',
      exitCode: null,
      reason: 'its supervisor is gone without a result (machine restarted, or supervisor killed)',
      startedAt: this.#createdAt,
      endedAt: Date.now(),
      peakRssBytes: 0,
    };
  }
}
