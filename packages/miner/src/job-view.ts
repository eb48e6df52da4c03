import { taskOfferSchema } from '@tuning/protocol';
import type { AssignmentState, JobRecord, MinerStore } from '@tuning/store';
import { trainingProgressSchema } from '@tuning/training';
import { jobPayloadSchema } from './job-payload.ts';

/** One job as its operator sees it while it is under way. */
export interface JobView {
  /** The job's id. */
  readonly id: string;
  /** The base model's repo. */
  readonly model: string;
  readonly state: 'preparing' | 'training' | 'publishing' | 'committing' | 'committed';
  readonly step?: number;
  readonly totalSteps?: number;
  readonly loss?: number;
  /** Trained tokens (labels) per second. */
  readonly tokensPerSecond?: number;
  /** Estimated time to the end of training in ms. */
  readonly etaMs?: number;
  /** Blocks to the task's deadline, 0 when it is over; absent for the operator's own jobs. */
  readonly blocksLeft?: number;
}

/** What a miner is at: the jobs under way, and how many wait. */
export interface JobsView {
  readonly jobs: readonly JobView[];
  readonly queued: number;
}

const SUBMITTING = ['publishing', 'committing', 'committed'] as const satisfies readonly AssignmentState[];

/** Reads what is under way from the store. `head` is the finalised block. */
export function viewJobs(store: Pick<MinerStore, 'jobs' | 'assignments'>, head: number): JobsView {
  const training = store.jobs.list({ states: ['Running'] }).map((job) => viewRunning(store, job, head));
  const submitting = store.assignments.list({ states: SUBMITTING }).map(({ jobId, offer, state }): JobView => {
    const { model, deadlineBlock } = taskOfferSchema.parse(offer);
    const blocksLeft = Math.max(0, deadlineBlock - head);
    return { id: jobId, model: model.repo, state: state as (typeof SUBMITTING)[number], blocksLeft };
  });
  return { jobs: [...training, ...submitting], queued: store.jobs.count('Queued') };
}

function viewRunning(store: Pick<MinerStore, 'assignments'>, job: JobRecord, head: number): JobView {
  const payload = jobPayloadSchema.parse(job.payload);
  const offer = payload.kind === 'task' ? store.assignments.get(payload.taskId)?.offer : undefined;
  const model = payload.kind === 'own' ? payload.model.repo : (offer?.model.repo ?? payload.taskId);
  const { data: progress } = trainingProgressSchema.safeParse(job.progress);
  const { step, totalSteps, loss, tokensPerSecond, etaMs } = progress ?? {};
  return {
    ...{ id: job.id, model, state: progress ? 'training' : 'preparing' },
    ...(step === undefined ? {} : { step }),
    ...(totalSteps === undefined ? {} : { totalSteps }),
    ...(loss === undefined ? {} : { loss }),
    ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
    ...(etaMs === undefined ? {} : { etaMs }),
    ...(job.deadlineBlock === null
      ? {}
      : { blocksLeft: Math.max(0, (offer?.deadlineBlock ?? job.deadlineBlock) - head) }),
  };
}
