import { folderBytes, type Logger } from '@tuning/kit';
import type { JobRecord, JobRepository } from '@tuning/store';
import { deleteFolder, jobFolder } from './job-folder.ts';

export interface DiskBudget {
  /** For all job folders together. */
  bytes: number;
  /** Whether nothing needs the job's folder any more, for instance because its model is published. */
  consumed: (job: JobRecord) => boolean;
}

/** Deletes folders of ended, consumed jobs, oldest first, until the rest is within the budget. */
export async function enforceDiskBudget(options: {
  root: string;
  jobs: JobRepository;
  budget: DiskBudget;
  logger: Logger;
}): Promise<void> {
  const { root, jobs, budget, logger } = options;
  let total = await folderBytes(root);
  for (const job of jobs.list({ states: ['Completed', 'Failed', 'Cancelled'] })) {
    if (total <= budget.bytes) return;
    if (!budget.consumed(job)) continue;
    const folder = jobFolder(root, job.id);
    const bytes = await folderBytes(folder.dir);
    if (bytes === 0) continue;
    await deleteFolder(folder);
    total -= bytes;
    logger.info({ job: job.id, bytes }, 'deleted the folder of an old training job');
  }
  if (total > budget.bytes) {
    logger.warn({ bytes: total, budget: budget.bytes }, 'training jobs in use take more disk than their budget');
  }
}
