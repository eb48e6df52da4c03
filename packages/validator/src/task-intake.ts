import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { BadInputError } from '@tuning/kit';
import { localFilesOf, takeInDataset } from '@tuning/neuron';
import { chatTypeOf, LIMITS, type TaskRequest } from '@tuning/protocol';
import { datasetLimits, progressLog } from './dataset-reading.ts';
import type { ValidatorServices } from './services.ts';
import { taskFolder } from './task-folder.ts';
import { TaskSteps } from './task-steps.ts';

/** The rest of a wire message is for the other fields of an offer. */
const MAX_DATASET_TYPE_BYTES = LIMITS.wireMessageBytes / 2;

/** The order with the validator's present settings filled in: a later change of them must not change a running task. */
function withSettings({ tournament }: ValidatorServices['config'], order: TaskRequest): TaskRequest {
  return {
    ...order,
    sequence_len: order.sequence_len ?? tournament.sequence_len,
    training_blocks: order.training_blocks ?? tournament.training_blocks,
    group_size: order.group_size ?? tournament.group_size,
  };
}

/**
 * Checks a customer's order completely and takes it in; what is refused leaves nothing behind.
 * @returns the task id. @throws BadInputError with the reason.
 */
export async function takeInTask(services: ValidatorServices, order: TaskRequest): Promise<string> {
  const request = withSettings(services.config, order);
  const { config, folder, hub, logger, models, store, signal } = services;
  const taskId = randomBytes(8).toString('hex');
  const files = taskFolder(folder, taskId);
  const typeBytes = Buffer.byteLength(JSON.stringify(request.dataset_type));
  if (typeBytes > MAX_DATASET_TYPE_BYTES) {
    throw new BadInputError(
      'DATASET_TYPE_TOO_LARGE',
      `dataset_type has ${typeBytes} bytes, an offer has room for ${MAX_DATASET_TYPE_BYTES}`,
    );
  }
  try {
    const model = await models.check(request.model, request.model_revision, signal);
    if (chatTypeOf(request.dataset_type)) await models.requireChatTemplate(model, signal);
    const { rows, digest, source } = await takeInDataset(
      request,
      hub,
      { folder: files.intake, rowsFile: files.rows },
      localFilesOf(config, folder.path),
      { signal, limits: datasetLimits(config), onProgress: progressLog(logger, taskId) },
    );
    if (rows < LIMITS.datasetMinRows) {
      throw new BadInputError(
        'DATASET_TOO_SMALL',
        `the dataset has ${rows} rows; a test split needs at least ${LIMITS.datasetMinRows}`,
      );
    }
    await rm(files.intake, { recursive: true, force: true });
    store.transaction(() => {
      store.tasks.insert({ id: taskId, request });
      new TaskSteps(store.steps, taskId).put('source', { digest, rows, source, model });
    });
    return taskId;
  } catch (error) {
    await rm(files.root, { recursive: true, force: true });
    throw error;
  }
}
