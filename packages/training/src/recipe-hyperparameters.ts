import { BadInputError } from '@tuning/kit';
import { LORA_TARGETS, type LoraSettings, type LoraTarget, type TrainingHyperparameters } from '@tuning/llm';
import { type Recipe, recipeKeyUse } from './recipe-schema.ts';

/** What the CPU trainer makes of a recipe. */
export interface CpuTraining {
  readonly hyperparameters: TrainingHyperparameters;
  readonly trainOnInputs: boolean;
  /** Rows (or, below 1, share of rows) at the tail of the train split that are left out of training and measured. */
  readonly validation: number;
  readonly seed: number;
  /** One line for each key that has no effect here, or another one than its name says. */
  readonly notes: readonly string[];
}

/**
 * Maps Axolotl's keys onto the CPU trainer; absent ones get Axolotl's and Hugging Face's defaults.
 * @throws BadInputError `RECIPE_UNSUPPORTED` for what would train something else than the recipe says.
 */
export function hyperparametersOf(recipe: Recipe): CpuTraining {
  refuseUnsupported(recipe);
  const { schedule, warmsUp } = scheduleOf(recipe.lr_scheduler ?? 'cosine');
  const warmup =
    recipe.warmup_steps == null && recipe.warmup_ratio != null
      ? { ratio: recipe.warmup_ratio }
      : { steps: recipe.warmup_steps ?? 0 };
  return {
    hyperparameters: {
      lora: recipe.adapter === 'lora' ? loraOf(recipe) : undefined,
      microBatchSize: recipe.micro_batch_size ?? 1,
      gradientAccumulationSteps: recipe.gradient_accumulation_steps ?? 1,
      epochs: recipe.num_epochs ?? 1,
      maxSteps: recipe.max_steps ?? undefined,
      sequenceLen: recipe.tuning?.sequenceLen ?? recipe.sequence_len ?? 2048,
      packing: recipe.sample_packing ?? false,
      learningRate: recipe.learning_rate ?? 2e-4,
      schedule,
      warmup: warmsUp ? warmup : { steps: 0 },
      weightDecay: recipe.weight_decay ?? 0,
      beta1: recipe.adam_beta1 ?? 0.9,
      beta2: recipe.adam_beta2 ?? 0.999,
      epsilon: recipe.adam_epsilon ?? 1e-8,
      // Hugging Face's trainer does not clip at 0.
      maxGradNorm: recipe.max_grad_norm === 0 ? undefined : (recipe.max_grad_norm ?? 1),
      saveSteps: recipe.save_steps ?? undefined,
    },
    trainOnInputs: recipe.train_on_inputs ?? false,
    validation: recipe.val_set_size ?? 0,
    seed: recipe.tuning?.seed ?? recipe.seed ?? 42,
    notes: notesOf(recipe),
  };
}

function unsupported(problem: string): BadInputError {
  return new BadInputError('RECIPE_UNSUPPORTED', `the CPU trainer cannot run this recipe: ${problem}`);
}

function refuseUnsupported(recipe: Recipe): void {
  if (recipe.adapter === 'qlora' || recipe.load_in_4bit) {
    throw unsupported('qlora (4-bit weights) needs a GPU; set adapter: lora and load_in_4bit: false');
  }
  const absent = ['peft_use_dora', 'peft_use_rslora', 'neftune_noise_alpha'] as const;
  for (const key of absent) if (recipe[key]) throw unsupported(`${key} is not built; remove it`);
  for (const key of ['lora_modules_to_save', 'unfrozen_parameters'] as const) {
    if ((recipe[key] ?? []).length > 0) throw unsupported(`${key} is not built; remove it`);
  }
  const other = Object.entries(recipe).find(([key, value]) => recipeKeyUse[key] === 'other' && isSet(value));
  if (other) throw unsupported(`${other[0]} is one of Axolotl's keys that it does not know; remove it`);
  const optimizer = recipe.optimizer ?? 'adamw_torch';
  if (!isAdamW(optimizer)) throw unsupported(`optimizer ${optimizer}; it has AdamW only, set optimizer: adamw_torch`);
}

const isSet = (value: unknown): boolean => value != null && value !== false;

const isAdamW = (optimizer: string): boolean => /^(?:paged_)?adamw_/.test(optimizer);

function scheduleOf(name: string): { schedule: TrainingHyperparameters['schedule']; warmsUp: boolean } {
  switch (name) {
    case 'cosine':
    case 'linear':
      return { schedule: name, warmsUp: true };
    case 'constant_with_warmup':
      return { schedule: 'constant', warmsUp: true };
    case 'constant':
      // In Hugging Face's trainer this one has no warm-up, whatever warmup_steps says.
      return { schedule: 'constant', warmsUp: false };
    default:
      throw unsupported(`lr_scheduler ${name}; it has cosine, linear, constant and constant_with_warmup`);
  }
}

function loraOf(recipe: Recipe): LoraSettings {
  const rank = recipe.lora_r ?? 8;
  return {
    rank,
    alpha: recipe.lora_alpha ?? 2 * rank,
    dropout: recipe.lora_dropout ?? 0,
    targets: targetsOf(recipe),
  };
}

function targetsOf(recipe: Recipe): LoraTarget[] {
  if (recipe.lora_target_linear) return [...LORA_TARGETS];
  // PEFT's default for Llama when nothing is named.
  const names = recipe.lora_target_modules ?? ['q_proj', 'v_proj'];
  const unknown = names.find((name) => !LORA_TARGETS.some((target) => target === name));
  if (unknown !== undefined || names.length === 0) {
    throw unsupported(`lora_target_modules ${unknown ?? '(none)'}; it knows ${LORA_TARGETS.join(', ')}`);
  }
  return LORA_TARGETS.filter((target) => names.includes(target));
}

function notesOf(recipe: Recipe): string[] {
  const notes: string[] = [];
  const idle = Object.entries(recipe)
    // A key that is off, or that only says where things lie, has nothing to be ignored.
    .filter(([key, value]) => recipeKeyUse[key] === 'ignored' && isSet(value) && !PLACES.has(key))
    .map(([key]) => key);
  if (idle.length > 0) notes.push(`ignored on the CPU: ${idle.join(', ')}`);
  const optimizer = recipe.optimizer ?? 'adamw_torch';
  if (!optimizer.startsWith('adamw_torch')) notes.push(`optimizer ${optimizer} runs as AdamW in float32`);
  return notes;
}

const PLACES = new Set(['base_model', 'datasets', 'output_dir', 'dataset_prepared_path']);
