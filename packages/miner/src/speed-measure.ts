import { errorMessage, type Logger } from '@tuning/kit';
import type { ModelCache } from '@tuning/neuron';
import type { TaskOffer } from '@tuning/protocol';
import type { Recipe, TrainingResult } from '@tuning/training';
import type { SpeedBook } from './speed-book.ts';
import { workOf } from './work-estimate.ts';

/** Notes how fast a finished task trained. Best effort: an estimate less is no fault. */
export function measureSpeed(
  services: { models: Pick<ModelCache, 'survey'>; recipe: Recipe; speeds: SpeedBook; logger: Logger },
  offer: TaskOffer,
  { steps, curve }: TrainingResult,
): void {
  const { models, recipe, speeds, logger } = services;
  const { msPerStep } = curve;
  if (msPerStep === undefined || steps === 0) return;
  models
    .survey(offer.model.repo, offer.model.revision)
    .then(({ facts }) =>
      speeds.note(workOf(offer, { ...recipe, max_steps: steps }, facts.parameters), steps * msPerStep),
    )
    .catch((error: unknown) => {
      logger.debug({ taskId: offer.taskId, error: errorMessage(error) }, 'could not measure the speed of a task');
    });
}
