import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@tuning/kit';
import type { JobRepository } from '@tuning/store';

/**
 * Deletes the rows of orders that no job waits for: the daemon was killed while it took an order in, or between the end of a
 * job and the deletion of its rows. To be called before orders are taken in.
 */
export async function sweepIntake(folder: string, jobs: Pick<JobRepository, 'get'>, logger: Logger): Promise<void> {
  for (const id of await readdir(folder).catch(() => [])) {
    const state = jobs.get(id)?.state;
    if (state === 'Queued' || state === 'Running') continue;
    await rm(join(folder, id), { recursive: true, force: true });
    logger.info({ job: id, why: 'no job waits for them' }, 'removed the rows of an order');
  }
}
