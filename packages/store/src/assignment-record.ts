import type { TaskOffer } from '@tuning/protocol';
import type { ListOptions } from './job-record.ts';

export const assignmentStates = [
  'queued',
  'training',
  'publishing',
  'committing',
  'committed',
  'published',
  'failed',
] as const;
export type AssignmentState = (typeof assignmentStates)[number];

/** A tournament's task that this miner accepted, from the offer to the public model. */
export interface AssignmentRecord {
  taskId: string;
  /** The validator's hotkey, SS58. */
  validator: string;
  offer: TaskOffer;
  state: AssignmentState;
  jobId: string;
  repo: string | null;
  /** 40-hex commit of the published model. */
  revision: string | null;
  /** Submission digest as committed. */
  digest: string | null;
  commitBlock: number | null;
  /** Why it failed, or what it waits for. */
  message: string | null;
  createdAt: number;
  updatedAt: number;
}

export type NewAssignment = Pick<AssignmentRecord, 'taskId' | 'validator' | 'offer' | 'jobId'> &
  Partial<Omit<AssignmentRecord, 'taskId' | 'validator' | 'offer' | 'jobId'>>;

export type AssignmentPatch = Partial<
  Pick<AssignmentRecord, 'offer' | 'state' | 'repo' | 'revision' | 'digest' | 'commitBlock' | 'message'>
>;

export interface AssignmentRepository {
  /** False if the task is already known; nothing is changed then. */
  insert(assignment: NewAssignment): boolean;
  get(taskId: string): AssignmentRecord | undefined;
  list(options?: ListOptions<AssignmentState>): AssignmentRecord[];
  /** @throws BadInputError `STORE_NOT_FOUND`. */
  update(taskId: string, patch: AssignmentPatch): void;
}
