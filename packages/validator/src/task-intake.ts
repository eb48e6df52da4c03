import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { toJsonLinesAsync } from '@tuning/dataset';
import { BadInputError, writeFileAtomic } from '@tuning/kit';
import { localFilesOf, takeInDataset } from '@tuning/neuron';
import { LIMITS, type TaskRequest } from '@tuning/protocol';
import type { ValidatorServices } from './services.ts';
import { taskFolder } from './task-folder.ts';
import { TaskSteps } from './task-steps.ts';

/**
 * Checks a customer's order completely and takes it in; what is refused leaves nothing behind.
 * @returns the task id. @throws BadInputError with the reason.
 */
export async function takeInTask(services: ValidatorServices, request: TaskRequest): Promise<string> {
  const { config, folder, hub, models, store, signal } = services;
  const taskId = randomBytes(8).toString('hex');
  const files = taskFolder(folder, taskId);
  try {
    const model = await models.check(request.model, request.model_revision, signal);
    const { rows, digest, source } = await takeInDataset(request, hub, files.intake, localFilesOf(config.http), signal);
    if (rows.length < LIMITS.datasetMinRows) {
      throw new BadInputError(
        'DATASET_TOO_SMALL',
        `the dataset has ${rows.length} rows; a test split needs at least ${LIMITS.datasetMinRows}`,
      );
    }
    await writeFileAtomic(files.rows, await toJsonLinesAsync(rows));
    await rm(files.intake, { recursive: true, force: true });
    store.transaction(() => {
      store.tasks.insert({ id: taskId, request });
      new TaskSteps(store.steps, taskId).put('source', { digest, rows: rows.length, source, model });
    });
    return taskId;
  } catch (error) {
    await rm(files.root, { recursive: true, force: true });
    throw error;
  }
}
