import { BadInputError } from '@tuning/kit';
import { LIMITS } from '@tuning/protocol';
import { z } from 'zod';
import { readJsonFile } from '../config/json-file.ts';
import { LORA_TARGETS } from '../train/hyperparameters.ts';

export const ADAPTER_CONFIG_FILE = 'adapter_config.json';

/** The numbers of a PEFT LoRA adapter that decide its effect, and the base it says it belongs to. */
export interface AdapterConfig {
  readonly rank: number;
  /** alpha / rank: the factor of B·A. */
  readonly scaling: number;
  /** Module names that may carry a pair; undefined where the file gives a pattern instead of names. */
  readonly targets: readonly string[] | undefined;
  readonly baseRepo: string;
  /** Undefined: the file names no revision. */
  readonly baseRevision: string | undefined;
}

const schema = z.looseObject({
  peft_type: z.string(),
  r: z.number().int().min(1).max(4_096),
  lora_alpha: z.number().gt(0).max(1e6),
  target_modules: z.union([z.string().max(4_096), z.array(z.string().max(512)).min(1).max(4_096)]),
  base_model_name_or_path: z.string().max(4_096),
  revision: z.string().max(256).nullish(),
});

type Unused = (value: unknown) => boolean;
const absent: Unused = (value) => value === null;
const isFalse: Unused = (value) => value === null || value === false;
const emptyObject: Unused = (value) => absent(value) || (typeof value === 'object' && Object.keys(value!).length === 0);
const emptyList: Unused = (value) => absent(value) || (Array.isArray(value) && value.length === 0);

/**
 * Keys of PEFT's LoraConfig that change what an adapter does, and when they do not. Anything else is refused by name.
 * Some ways of initialising (PiSSA, OLoRA, LoftQ, ...) change the base's own weights, so the pair alone is not the model.
 */
const UNUSED: Readonly<Record<string, Unused>> = {
  use_dora: isFalse,
  use_rslora: isFalse,
  use_qalora: isFalse,
  fan_in_fan_out: isFalse,
  lora_bias: isFalse,
  bias: (value) => absent(value) || value === 'none',
  rank_pattern: emptyObject,
  alpha_pattern: emptyObject,
  modules_to_save: emptyList,
  trainable_token_indices: emptyList,
  target_parameters: emptyList,
  layer_replication: emptyList,
  alora_invocation_tokens: emptyList,
  loftq_config: emptyObject,
  init_lora_weights: (value) => absent(value) || typeof value === 'boolean' || value === 'gaussian',
};

export function unsupportedAdapter(key: string, problem: string): BadInputError {
  return new BadInputError('ADAPTER_UNSUPPORTED', `${ADAPTER_CONFIG_FILE}: ${key} ${problem}`, { details: { key } });
}

/**
 * @throws BadInputError `ADAPTER_UNSUPPORTED` naming a key whose effect is not built; `FILE_INVALID` for a file that is
 * no adapter config at all.
 */
export function parseAdapterConfig(json: unknown): AdapterConfig {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const problem = `${issue.path.join('.') || 'the file'}: ${issue.message}`;
    throw new BadInputError('FILE_INVALID', `${ADAPTER_CONFIG_FILE}: ${problem}`, {
      details: { file: ADAPTER_CONFIG_FILE, problem },
    });
  }
  const raw = parsed.data;
  if (raw.peft_type !== 'LORA')
    throw unsupportedAdapter('peft_type', `= "${raw.peft_type.slice(0, 64)}", only "LORA" is supported`);
  for (const [key, unused] of Object.entries(UNUSED)) {
    const value = raw[key];
    if (value === undefined || unused(value)) continue;
    throw unsupportedAdapter(key, `= ${JSON.stringify(value).slice(0, 100)} is not supported`);
  }
  const targets = Array.isArray(raw.target_modules) ? raw.target_modules : undefined;
  for (const target of targets ?? []) {
    if (!LORA_TARGETS.some((name) => target === name || target.endsWith(`.${name}`))) {
      throw unsupportedAdapter(
        'target_modules',
        `names ${target.slice(0, 100)}; supported are ${LORA_TARGETS.join(', ')}`,
      );
    }
  }
  return {
    rank: raw.r,
    scaling: raw.lora_alpha / raw.r,
    targets,
    baseRepo: raw.base_model_name_or_path,
    baseRevision: raw.revision ?? undefined,
  };
}

/** `parseAdapterConfig` of the file in `dir`. @throws also BadInputError `FILE_MISSING`. */
export async function readAdapterConfig(dir: string): Promise<AdapterConfig> {
  return parseAdapterConfig(await readJsonFile(dir, ADAPTER_CONFIG_FILE, LIMITS.jsonFileBytes));
}
