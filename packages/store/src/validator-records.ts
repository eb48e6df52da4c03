import type { CurvePoint, TaskState } from '@tuning/protocol';
import type { ListOptions } from './job-record.ts';

/** One tournament. Times are unix ms. */
export interface TaskRecord {
  id: string;
  state: TaskState;
  request: unknown;
  /** What the state machine has found out so far. */
  data: Record<string, unknown>;
  failure: { code: string; message: string } | null;
  createdAt: number;
  updatedAt: number;
}

export interface TaskRepository {
  /** In state `preparing`. False if the id exists. */
  insert(task: { id: string; request: unknown; data?: Record<string, unknown> }): boolean;
  get(id: string): TaskRecord | undefined;
  list(options?: ListOptions<TaskState>): TaskRecord[];
  /**
   * Compare-and-set of the state, with `patch` merged into `data` in the same transaction.
   * @throws BadInputError `STORE_CONFLICT` where the task is not in `from`; `STORE_NOT_FOUND`.
   */
  advance(id: string, from: TaskState, to: TaskState, patch?: object): void;
  /** Shallow merge into `data`; a member that is undefined is removed. @throws BadInputError `STORE_NOT_FOUND`. */
  patch(id: string, patch: object): void;
  /** Any state but an end -> `failed`. Nothing changes where the task has ended. @throws BadInputError `STORE_NOT_FOUND`. */
  fail(id: string, code: string, message: string): void;
}

/** Results of idempotent steps, so that a resumed task does not repeat what it already did. */
export interface StepRepository {
  get(taskId: string, step: string): unknown | undefined;
  /** The first write wins; returns what is stored. */
  put(taskId: string, step: string, value: unknown): unknown;
  all(taskId: string): Record<string, unknown>;
}

export const memberAnswers = ['pending', 'accepted', 'declined', 'unreachable'] as const;

/** A miner that was drawn for a task. */
export interface MemberRecord {
  taskId: string;
  hotkey: string;
  uid: number;
  /** Position in the draw, from 0. */
  drawIndex: number;
  answer: (typeof memberAnswers)[number];
  reason: string | null;
  answeredBlock: number | null;
  /** Last status the miner reported. */
  status: unknown | null;
}

export interface MemberRepository {
  upsert(member: MemberRecord): void;
  /** In draw order. */
  list(taskId: string): MemberRecord[];
}

/** Loss curves as miners report them while they train; thinned by whoever writes them. */
export interface CurveRepository {
  /** Replaces the miner's curve. @throws BadInputError `STORE_NOT_FOUND`. */
  put(taskId: string, hotkey: string, points: readonly CurvePoint[]): void;
  /** Empty where there is none. */
  get(taskId: string, hotkey: string): CurvePoint[];
}

/** One commitment field seen on the chain. */
export interface CommitmentRecord {
  hotkey: string;
  block: number;
  blockHash: string;
  text: string;
}

export interface CommitmentRepository {
  /** All commitments of one finalised block, and the cursor, in one transaction. A block up to the cursor is skipped. */
  recordBlock(
    netuid: number,
    block: { number: number; hash: string },
    items: readonly { hotkey: string; fields: readonly string[] }[],
  ): void;
  /** Last block recorded. */
  cursor(netuid: number): number | undefined;
  /** Fields that start with `t1:<task>:`, oldest first. */
  forTask(taskId: string): CommitmentRecord[];
  /** The hotkey's newest commitment with all of its fields. */
  latest(
    netuid: number,
    hotkey: string,
  ): { hotkey: string; block: number; blockHash: string; fields: string[] } | undefined;
}

export interface ScoreRecord {
  taskId: string;
  hotkey: string;
  score: number;
  work: number;
  /** Block at which the task counts in the window. */
  block: number;
}

export interface ScoreRepository {
  /** Replaces the task's rows. */
  put(taskId: string, block: number, rows: readonly { hotkey: string; score: number; work: number }[]): void;
  /** Rows with `block` at or after the given one, oldest first. */
  since(block: number): ScoreRecord[];
}

/** One decision on weights: what was meant, and what became of it on the chain. */
export interface WeightSetRecord {
  id: number;
  netuid: number;
  decidedBlock: number;
  weights: { hotkey: string; weight: number }[];
  taskIds: string[];
  state: 'intended' | 'included' | 'failed';
  block: number | null;
  uids: number[] | null;
  values: number[] | null;
  error: string | null;
  createdAt: number;
  updatedAt: number;
}

export interface WeightSetRepository {
  /** Written before the extrinsic is sent, so that a restart asks the chain what became of it. Returns the id. */
  intend(set: {
    netuid: number;
    decidedBlock: number;
    weights: readonly { hotkey: string; weight: number }[];
    taskIds: readonly string[];
  }): number;
  /** Compare-and-set from `intended`. @throws BadInputError `STORE_CONFLICT`, `STORE_NOT_FOUND`. */
  finish(
    id: number,
    outcome: {
      state: 'included' | 'failed';
      block?: number;
      uids?: readonly number[];
      values?: readonly number[];
      error?: string;
    },
  ): void;
  /** Intended and not finished, oldest first. */
  pending(netuid: number): WeightSetRecord[];
  /** The newest that was included. */
  latest(netuid: number): WeightSetRecord | undefined;
  /** Every set that counted this task in, oldest first. */
  forTask(taskId: string): WeightSetRecord[];
}

export interface ReceiptRepository {
  /** Replaces an earlier receipt of the task. */
  put(taskId: string, receipt: unknown): void;
  get(taskId: string): unknown | undefined;
}
