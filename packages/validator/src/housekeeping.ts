import { readdir, rm } from 'node:fs/promises';
import { errorMessage, type Logger, sleep } from '@tuning/kit';
import type { DataFolder } from '@tuning/neuron';
import type { ValidatorStore } from '@tuning/store';
import { taskFolder } from './task-folder.ts';

/** How long the downloaded submissions of an ended task are kept, in ms: three days to look into a complaint. */
const KEEP_SUBMISSIONS_MS = 3 * 24 * 3_600_000;
const EVERY_MS = 3_600_000;

/**
 * Frees the disk of what nobody needs any more: submissions of tasks that ended days ago (their models are on the hub, and
 * the receipt has their digests), and what a killed request left behind. Rows, splits and receipts stay.
 */
export async function keepHouse(args: {
  folder: DataFolder;
  store: ValidatorStore;
  logger: Logger;
  signal: AbortSignal;
}): Promise<void> {
  const { folder, store, logger, signal } = args;
  let first = true;
  while (!signal.aborted) {
    try {
      // No request of an earlier life is still being answered.
      if (first) await rm(folder.file('evaluate'), { recursive: true, force: true });
      first = false;
      await sweepTasks(folder, store);
    } catch (error) {
      logger.warn({ error: errorMessage(error) }, 'could not tidy the task folders');
    }
    await sleep(EVERY_MS, signal).catch(() => {});
  }
}

async function sweepTasks(folder: DataFolder, store: ValidatorStore): Promise<void> {
  const oldest = Date.now() - KEEP_SUBMISSIONS_MS;
  for (const id of await readdir(folder.file('tasks')).catch(() => [])) {
    const task = store.tasks.get(id);
    const ended = task && (task.state === 'done' || task.state === 'failed') && task.updatedAt < oldest;
    if (!ended) continue;
    const files = taskFolder(folder, id);
    for (const path of [files.submissions, files.evaluations, files.intake])
      await rm(path, { recursive: true, force: true });
  }
}
