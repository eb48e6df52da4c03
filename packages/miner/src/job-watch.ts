import { errorMessage, type Logger, sleep } from '@tuning/kit';
import type { JobsView, JobView } from './job-view.ts';

/** Time between two looks in ms: twice a second is as often as a person can use. */
const LOOK_MS = 500;
/** Without a terminal a line comes every so many per cent, and at least every so many ms. */
const LOG_PERCENT = 10;
const LOG_MS = 60_000;

export interface JobWatchServices {
  view: () => JobsView;
  /** Shows jobs on a terminal. Absent: lines in the log. */
  show: ((view: JobsView) => void) | undefined;
  logger: Logger;
  signal: AbortSignal;
}

/** Tells the operator how far the jobs are until the signal aborts: on the terminal, else in the log. Never throws. */
export async function watchJobs({ view, show, logger, signal }: JobWatchServices): Promise<void> {
  const log = new ProgressLog(logger);
  while (!signal.aborted) {
    try {
      const now = view();
      if (show) show(now);
      else log.note(now.jobs, Date.now());
    } catch (error) {
      logger.debug({ error: errorMessage(error) }, 'cannot show the progress of the jobs');
    }
    await sleep(LOOK_MS, signal).catch(() => {});
  }
}

/** Decides when a job's progress is worth a line. */
export class ProgressLog {
  readonly #logger: Logger;
  /** By job id: step, tenth of the whole and time of the last line. */
  readonly #told = new Map<string, { step: number; tenth: number; at: number }>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  note(jobs: readonly JobView[], now: number): void {
    for (const id of this.#told.keys()) if (!jobs.some((job) => job.id === id)) this.#told.delete(id);
    for (const job of jobs) {
      if (job.state !== 'training' || job.step === undefined) continue;
      const { id, state, totalSteps, ...facts } = job;
      const tenth = totalSteps ? Math.floor((100 * job.step) / totalSteps / LOG_PERCENT) : 0;
      const told = this.#told.get(id);
      // A trainer that went back to its checkpoint tells its steps again.
      const onward = told === undefined || job.step !== told.step;
      const due = told === undefined || tenth > told.tenth || now - told.at >= LOG_MS;
      if (!onward || !due) continue;
      this.#told.set(id, { step: job.step, tenth, at: now });
      this.#logger.info({ jobId: id, totalSteps, ...rounded(facts) }, 'training');
    }
  }
}

function rounded(facts: Omit<JobView, 'id' | 'state' | 'totalSteps'>): object {
  const { loss, tokensPerSecond, etaMs, ...rest } = facts;
  return {
    ...rest,
    ...(loss === undefined ? {} : { loss: Number(loss.toFixed(4)) }),
    ...(tokensPerSecond === undefined ? {} : { tokensPerSecond: Math.round(tokensPerSecond) }),
    ...(etaMs === undefined ? {} : { etaSeconds: Math.round(etaMs / 1_000) }),
  };
}
