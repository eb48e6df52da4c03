import type { JobState } from '@tuning/protocol';

/** One training job of the miner's queue. Times are unix ms. */
export interface JobRecord {
  id: string;
  /** `task`: for a validator's tournament; `own`: asked for over the miner's own HTTP API. */
  kind: 'task' | 'own';
  state: JobState;
  /** JSON that the owner understands; the queue does not look inside. */
  payload: unknown;
  /** Higher goes first. */
  priority: number;
  /** Block after which the result is worthless, null for none. */
  deadlineBlock: number | null;
  /** Runs that ended badly and were queued again. */
  attempts: number;
  progress: unknown | null;
  result: unknown | null;
  error: string | null;
  createdAt: number;
  /** First claim. */
  startedAt: number | null;
  endedAt: number | null;
}

/** What a new job needs; the rest has defaults (state Queued, priority 0, no deadline, created now). */
export type NewJob = Pick<JobRecord, 'id' | 'kind' | 'payload'> & Partial<Omit<JobRecord, 'id' | 'kind' | 'payload'>>;

export interface ListOptions<State> {
  states?: readonly State[];
  limit?: number;
  /** By creation. Default `oldest` first. */
  order?: 'oldest' | 'newest';
}

export interface JobRepository {
  /** False if the id exists; nothing is changed then. */
  insert(job: NewJob): boolean;
  get(id: string): JobRecord | undefined;
  list(options?: ListOptions<JobState>): JobRecord[];
  count(state: JobState): number;
  /**
   * Takes the next Queued job and makes it Running: highest priority, then earliest deadline (none is last), then
   * oldest. `except` names jobs to pass over for now.
   */
  claim(now: number, options?: { except?: readonly string[] }): JobRecord | undefined;
  /** Only a Running job's progress changes; false where the job is not Running. */
  setProgress(id: string, progress: unknown): boolean;
  /** Ends a Queued or Running job (Completed only a Running one). False if it had already ended or is unknown. */
  finish(
    id: string,
    state: 'Completed' | 'Failed' | 'Cancelled',
    outcome?: { result?: unknown; error?: string },
  ): boolean;
  /**
   * Running -> Queued. `attempts` grows by one unless `countAttempt` is false (a stop of ours is not the job's fault).
   * False where the job was not Running.
   */
  requeue(id: string, error?: string, options?: { countAttempt?: boolean }): boolean;
}
