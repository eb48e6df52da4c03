import type { EvaluationOutcome } from '@tuning/evaluation';
import { BadInputError, errorCode, errorMessage } from '@tuning/kit';
import type { TaskRequest } from '@tuning/protocol';
import type { EvaluationRequest } from './evaluation-queue.ts';
import { sequenceLenOf } from './offer.ts';
import type { ValidatorServices } from './services.ts';
import { taskFolder } from './task-folder.ts';
import type { TaskSteps } from './task-steps.ts';

/**
 * Measures the base model on both secret sets before anything is published or offered, so that a model or dataset that
 * cannot be measured costs nobody a training run.
 * @throws BadInputError of the job (`NO_ROWS`, `MODEL_UNSUPPORTED`…), or BASE_NOT_MEASURABLE where it hits its limits.
 */
export async function measureBase(services: ValidatorServices, steps: TaskSteps, request: TaskRequest): Promise<void> {
  await steps.once('base', async () => {
    const files = taskFolder(services.folder, steps.taskId);
    const { model } = steps.need('source');
    const measurement = {
      id: `base-${steps.taskId}`,
      root: files.evaluations,
      submissionDir: undefined,
      expected: { baseRepo: model.repo, baseRevision: model.revision },
      sets: [
        { name: 'synthetic', rowsFile: files.synthetic },
        { name: 'test', rowsFile: files.test },
      ],
      datasetType: request.dataset_type,
      sequenceLen: sequenceLenOf(services, request),
    };
    const outcome = await services.models.use(
      model,
      (baseDir) => runWithinLimits(services, { ...measurement, baseDir }),
      services.signal,
    );
    services.logger.info(
      {
        taskId: steps.taskId,
        synthetic: outcome.sets['synthetic']?.summary.loss,
        test: outcome.sets['test']?.summary.loss,
      },
      'base model measured',
    );
    return outcome;
  });
}

async function runWithinLimits(services: ValidatorServices, request: EvaluationRequest): Promise<EvaluationOutcome> {
  try {
    return await services.evaluations.run(request, services.signal);
  } catch (error) {
    services.signal.throwIfAborted();
    if (errorCode(error) !== 'EVALUATION_FAILED') throw error;
    throw new BadInputError(
      'BASE_NOT_MEASURABLE',
      `the base model could not be measured on this machine: ${errorMessage(error)}`,
    );
  }
}
