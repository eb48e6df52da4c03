import type { DatasetType } from '@tuning/protocol';

/** What a task fixes: no override may change it. */
export interface RecipeTask {
  readonly datasetType: DatasetType;
  readonly sequenceLen: number;
  readonly seed: number;
  readonly baseRepo: string;
  readonly baseRevision: string;
}

/** A training recipe in Axolotl's keys plus the `tuning` section that a job needs. */
export interface Recipe {
  readonly [key: string]: unknown;
}

/**
 * base.yml, then the task, then the operator's overrides, validated.
 * @throws OperatorError RECIPE_INVALID naming the key (and the nearest known one) or the value.
 */
export function loadRecipe(_args: {
  baseFile: string;
  overrides?: Record<string, unknown>;
  task?: RecipeTask;
}): Recipe {
  throw new Error('not built yet');
}

/** Text of `recipe.yml`. */
export function recipeYaml(_recipe: Recipe): string {
  throw new Error('not built yet');
}
