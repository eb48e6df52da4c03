import { datasetTypeSchema, repoIdSchema, revisionSchema } from '@tuning/protocol';
import { z } from 'zod';
import { AXOLOTL_KEYS } from './axolotl-keys.ts';

/**
 * How the CPU trainer treats a key: it obeys `applied`, does without `ignored` and says so, and refuses a recipe that
 * sets one of `other`, Axolotl's keys that nothing here knows the meaning of.
 */
export type RecipeKeyUse = 'applied' | 'ignored' | 'other';

const flag = z.boolean().nullish();
const autoFlag = z.union([z.boolean(), z.literal('auto')]).nullish();
const text = z.string().max(4096).nullish();
const count = (max = 1_000_000_000) => z.number().int().min(1).max(max);
const amount = z.number().min(0).max(1e9).nullish();
const share = z.number().min(0).max(1);

/** Axolotl's keys that decide what is trained. Bounds are those beyond which a value is a slip, not a choice. */
const applied = {
  adapter: z.enum(['lora', 'qlora', 'full', '']).nullish(),
  lora_r: count(4096).nullish(),
  lora_alpha: z.number().gt(0).max(1e6).nullish(),
  lora_dropout: z.number().min(0).max(0.95).nullish(),
  lora_target_modules: z.array(z.string().min(1).max(256)).max(256).nullish(),
  lora_target_linear: flag,
  lora_modules_to_save: z.array(z.string().max(256)).nullish(),
  peft_use_dora: flag,
  peft_use_rslora: flag,
  unfrozen_parameters: z.array(z.string().max(1024)).nullish(),
  neftune_noise_alpha: amount,
  sequence_len: z.number().int().min(16).max(131_072).nullish(),
  sample_packing: flag,
  train_on_inputs: flag,
  val_set_size: z.union([share, count()]).nullish(),
  micro_batch_size: count(4096).nullish(),
  gradient_accumulation_steps: count(65_536).nullish(),
  num_epochs: z.number().gt(0).max(10_000).nullish(),
  max_steps: count().nullish(),
  optimizer: z.string().max(64).nullish(),
  lr_scheduler: z.string().max(64).nullish(),
  learning_rate: z.number().min(0).max(10).nullish(),
  warmup_steps: z.number().int().min(0).max(1_000_000_000).nullish(),
  warmup_ratio: share.nullish(),
  weight_decay: z.number().min(0).max(10).nullish(),
  adam_beta1: z.number().min(0).lt(1).nullish(),
  adam_beta2: z.number().min(0).lt(1).nullish(),
  adam_epsilon: z.number().gt(0).max(1).nullish(),
  max_grad_norm: amount,
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .nullish(),
  save_steps: count().nullish(),
};

/** Axolotl's keys about precision, speed, reports and places: they do not change what a CPU run computes. */
const ignored = {
  base_model: text,
  base_model_config: text,
  model_type: text,
  tokenizer_type: text,
  is_llama_derived_model: flag,
  trust_remote_code: z.literal(false, { error: 'must be false: a job never runs a stranger’s code' }).nullish(),
  datasets: z.array(z.record(z.string(), z.unknown())).max(16).nullish(),
  dataset_prepared_path: text,
  output_dir: text,
  // Of conversations; the CPU trainer reads it in the task's dataset type.
  eot_tokens: z.array(z.string().min(1).max(256)).max(16).nullish(),
  special_tokens: z.record(z.string(), z.string()).nullish(),
  load_in_8bit: flag,
  load_in_4bit: flag,
  strict: flag,
  bf16: autoFlag,
  fp16: autoFlag,
  tf32: flag,
  bfloat16: flag,
  float16: flag,
  gradient_checkpointing: z.union([z.boolean(), z.string().max(64)]).nullish(),
  gradient_checkpointing_kwargs: z.record(z.string(), z.unknown()).nullish(),
  flash_attention: flag,
  sdp_attention: flag,
  xformers_attention: flag,
  s2_attention: flag,
  eager_attention: flag,
  torch_compile: autoFlag,
  pad_to_sequence_len: flag,
  eval_sample_packing: flag,
  group_by_length: flag,
  lora_fan_in_fan_out: flag,
  lora_model_dir: text,
  logging_steps: z.number().min(0).max(1e9).nullish(),
  eval_steps: z.number().min(0).max(1e9).nullish(),
  evals_per_epoch: z.number().min(0).max(1e6).nullish(),
  eval_batch_size: count(4096).nullish(),
  eval_max_new_tokens: count(131_072).nullish(),
  saves_per_epoch: z.number().min(0).max(1e6).nullish(),
  save_strategy: text,
  save_total_limit: count(10_000).nullish(),
  save_safetensors: z.literal(true, { error: 'must be true: submissions are safetensors only' }).nullish(),
  early_stopping_patience: z.number().int().min(0).max(10_000).nullish(),
  resume_from_checkpoint: text,
  auto_resume_from_checkpoints: flag,
  hub_model_id: text,
  hub_strategy: text,
  hub_private_repo: flag,
  wandb_project: text,
  wandb_entity: text,
  wandb_mode: text,
  wandb_name: text,
  wandb_run: text,
  wandb_run_id: text,
  wandb_runid: text,
  wandb_watch: text,
  wandb_log_model: text,
  local_rank: z.number().int().nullish(),
  debug: z.unknown().optional(),
  deepspeed: text,
  fsdp: z.union([z.string().max(1024), z.array(z.string().max(256))]).nullish(),
  fsdp_config: z.record(z.string(), z.unknown()).nullish(),
};

/** What a job needs beside Axolotl's keys; written by `loadRecipe` from the task. */
export const tuningSectionSchema = z.strictObject({
  datasetType: datasetTypeSchema,
  sequenceLen: z.number().int().min(16).max(131_072),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  baseRepo: repoIdSchema,
  baseRevision: revisionSchema,
  /** Unix time in ms after which no further step starts: the model as it is then is the result. */
  finishBy: z.number().int().min(0).optional(),
});
export type TuningSection = z.infer<typeof tuningSectionSchema>;

const known: ReadonlySet<string> = new Set([...Object.keys(applied), ...Object.keys(ignored)]);
/** Passed on as they are: Axolotl itself judges their values. */
const other: Readonly<Record<string, z.ZodOptional<z.ZodUnknown>>> = Object.fromEntries(
  AXOLOTL_KEYS.filter((key) => !known.has(key)).map((key) => [key, z.unknown().optional()]),
);

export const recipeSchema = z.strictObject({
  // Without a type of its own: nothing here reads these.
  ...(other as object),
  ...applied,
  ...ignored,
  tuning: tuningSectionSchema.optional(),
});
export type Recipe = z.infer<typeof recipeSchema>;

export const recipeKeyUse: Readonly<Record<string, RecipeKeyUse>> = Object.fromEntries([
  ...Object.keys(applied).map((key) => [key, 'applied'] as const),
  ...Object.keys(ignored).map((key) => [key, 'ignored'] as const),
  ...Object.keys(other).map((key) => [key, 'other'] as const),
]);
