import type { TaskOffer } from '@tuning/protocol';
import type { Recipe } from '@tuning/training';

/** Bytes of a train split per token, about: English text with the JSON around it. */
const BYTES_PER_TOKEN = 4;

/** What a task's training has to do. */
export interface Work {
  readonly parameters: number;
  /** Tokens that go through the model, prompts included. */
  readonly tokens: number;
}

/** The recipe's keys that say how often the rows are gone through. */
export type RecipePace = Pick<Recipe, 'num_epochs' | 'max_steps' | 'micro_batch_size' | 'gradient_accumulation_steps'>;

/** The work of an offered task by its size: min(bytes / 4, rows × sequence length) tokens an epoch. */
export function workOf(
  offer: Pick<TaskOffer, 'dataset' | 'sequenceLen'>,
  recipe: RecipePace,
  parameters: number,
): Work {
  const { bytes, rows } = offer.dataset.file;
  const perRow = Math.min(bytes / BYTES_PER_TOKEN / rows, offer.sequenceLen);
  const perStep = (recipe.micro_batch_size ?? 1) * (recipe.gradient_accumulation_steps ?? 1);
  const passes = rows * (recipe.num_epochs ?? 1);
  return { parameters, tokens: perRow * Math.min(passes, (recipe.max_steps ?? Number.POSITIVE_INFINITY) * perStep) };
}

/**
 * Hours that the work takes on one slot, at a speed in tokens per second of a model with 10⁹ parameters: a token costs in
 * proportion to the parameters. `windowHours` is the longest that it can take, for training ends with it; it is also the answer
 * where the speed is not known.
 */
export function hoursOf(work: Work, tokensPerSecond1b: number | undefined, windowHours: number): number {
  if (tokensPerSecond1b === undefined) return windowHours;
  return Math.min(windowHours, (work.tokens * work.parameters) / 1e9 / tokensPerSecond1b / 3_600);
}
