import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '@tuning/kit';
import type { TaskOffer } from '@tuning/protocol';
import type { AssignmentRepository, JobRecord, JobRepository } from '@tuning/store';
import { type TrainingResult, trainingResultSchema } from '@tuning/training';
import { jobPayloadSchema } from './job-payload.ts';

export interface HandOverServices {
  jobs: JobRepository;
  assignments: AssignmentRepository;
  submitter: { start(taskId: string): void };
  logger: Logger;
  /** Takes a finished training as a measure of this machine's speed. */
  measure?: (offer: TaskOffer, result: TrainingResult) => void;
}

/** Hands what has ended in the training queue on: a task's model to the submitter, its failure to the assignment. */
export class JobHandOver {
  readonly #s: HandOverServices;

  constructor(services: HandOverServices) {
    this.#s = services;
  }

  /** Deals with one ended job; once more for the same job does nothing. */
  onEnd(job: JobRecord): void {
    const { assignments, submitter, logger } = this.#s;
    const payload = jobPayloadSchema.parse(job.payload);
    if (payload.kind === 'own') {
      // The job folder has its own copy of the rows.
      rm(dirname(payload.rowsFile), { recursive: true, force: true }).catch(() => {});
      return;
    }
    const { taskId } = payload;
    const assignment = assignments.get(taskId);
    if (assignment?.state !== 'queued') return;
    if (job.state === 'Completed') {
      assignments.update(taskId, { state: 'publishing' });
      submitter.start(taskId);
      const { data: result } = trainingResultSchema.safeParse(job.result);
      if (result) this.#s.measure?.(assignment.offer, result);
    } else {
      assignments.update(taskId, { state: 'failed', message: job.error ?? `training ended as ${job.state}` });
      logger.error({ taskId, error: job.error }, 'training failed; the task is lost');
    }
  }

  /** A daemon killed between a job's end and its hand-over finds the ended job here. To be called before the worker starts. */
  takeUp(): void {
    for (const { jobId } of this.#s.assignments.list({ states: ['queued'] })) {
      const job = this.#s.jobs.get(jobId);
      if (job && (job.state === 'Completed' || job.state === 'Failed' || job.state === 'Cancelled')) this.onEnd(job);
    }
  }
}
