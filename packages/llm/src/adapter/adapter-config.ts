import { BadInputError } from '@tuning/kit';
import { LIMITS } from '@tuning/protocol';
import { z } from 'zod';
import { readJsonFile } from '../config/json-file.ts';
import { StepBudget } from './pattern.ts';
import { PatternSyntaxError } from './pattern-syntax.ts';
import { type ModuleKind, targetSelection } from './target-selection.ts';
import { valuePattern } from './value-pattern.ts';

export const ADAPTER_CONFIG_FILE = 'adapter_config.json';

/** The numbers of a PEFT LoRA adapter that decide its effect, and the base it says it belongs to. */
export interface AdapterConfig {
  readonly baseRepo: string;
  /** Undefined: the file names no revision. */
  readonly baseRevision: string | undefined;
  /** `r` and `lora_alpha`, for modules that no pattern names. */
  readonly rank: number;
  readonly alpha: number;
  /** `use_rslora`: the factor of B·A is alpha / √rank instead of alpha / rank. */
  readonly rankStabilised: boolean;
  /** `target_modules` as the file has them: names, a pattern or "all-linear". */
  readonly targets: string | readonly string[];
  /** `modules_to_save`: modules of which the adapter carries whole weights. */
  readonly savedModules: readonly string[];
  /** Whether the config puts a pair on a module. @throws BadInputError `ADAPTER_UNSUPPORTED` when matching takes too long. */
  readonly isTarget: (module: string, kind: ModuleKind) => boolean;
  /** Rank and factor of B·A on a module. @throws as `isTarget`. */
  readonly pairOf: (module: string) => { readonly rank: number; readonly scaling: number };
}

const name = z.string().min(1).max(512);
const pattern = z.string().min(1).max(4_096);
const names = z.array(name).max(10_000);
const rank = z.number().int().min(1).max(4_096);
const alpha = z.number().gt(0).max(1e6);
const layer = z.number().int().min(0).max(100_000);
const valuesOf = (value: typeof rank) =>
  z.record(pattern, value).refine((table) => Object.keys(table).length <= 10_000, 'has more than 10000 entries');

const schema = z.looseObject({
  peft_type: z.string(),
  r: rank,
  lora_alpha: alpha,
  use_rslora: z.boolean().nullish(),
  rank_pattern: valuesOf(rank).nullish(),
  alpha_pattern: valuesOf(alpha).nullish(),
  target_modules: z.union([pattern, names.min(1)]),
  exclude_modules: z.union([z.string().max(4_096), names]).nullish(),
  modules_to_save: names.nullish(),
  layers_to_transform: z.union([layer, z.array(layer).max(10_000)]).nullish(),
  layers_pattern: z.union([z.string().max(512), z.array(name).max(100)]).nullish(),
  base_model_name_or_path: z.string().max(4_096),
  revision: z.string().max(256).nullish(),
});
type RawConfig = z.infer<typeof schema>;

type Unused = (value: unknown) => boolean;
const absent: Unused = (value) => value === null;
const isFalse: Unused = (value) => value === null || value === false;
const emptyObject: Unused = (value) => absent(value) || (typeof value === 'object' && Object.keys(value!).length === 0);
const emptyList: Unused = (value) => absent(value) || (Array.isArray(value) && value.length === 0);
const INITIALISATIONS: readonly unknown[] = [null, true, false, 'gaussian', 'eva', 'orthogonal', 'mica'];

/**
 * Keys of PEFT's LoraConfig (0.21) that change what an adapter does, and when they do not. Anything else is refused by
 * name. Some ways of initialising (PiSSA, OLoRA, CorDA, LoftQ, ...) change the base's own weights, so the pair alone is
 * not the model. `fan_in_fan_out` is left out: PEFT itself sets it to what the base's modules need.
 */
const UNUSED: Readonly<Record<string, Unused>> = {
  use_dora: isFalse,
  use_qalora: isFalse,
  use_bdlora: isFalse,
  lora_bias: isFalse,
  bias: (value) => absent(value) || value === 'none',
  trainable_token_indices: (value) => emptyList(value) || emptyObject(value),
  target_parameters: emptyList,
  layer_replication: emptyList,
  alora_invocation_tokens: emptyList,
  arrow_config: emptyObject,
  kasa_config: emptyObject,
  monteclora_config: emptyObject,
  velora_config: emptyObject,
  loftq_config: emptyObject,
  init_lora_weights: (value) => INITIALISATIONS.includes(value),
};

export function unsupportedAdapter(key: string, problem: string): BadInputError {
  return new BadInputError('ADAPTER_UNSUPPORTED', `${ADAPTER_CONFIG_FILE}: ${key} ${problem}`, { details: { key } });
}

/**
 * @throws BadInputError `ADAPTER_UNSUPPORTED` naming a key whose effect is not built; `FILE_INVALID` for a file that is
 * no adapter config at all.
 */
export function parseAdapterConfig(json: unknown): AdapterConfig {
  // What makes it another kind of adapter comes first: such a file need not have the keys of a LoRA.
  const { peft_type: type } = (json ?? {}) as { peft_type?: unknown };
  if (typeof type === 'string' && type !== 'LORA')
    throw unsupportedAdapter('peft_type', `= "${type.slice(0, 64)}", only "LORA" is supported`);
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const problem = `${issue.path.join('.').slice(0, 200) || 'the file'}: ${issue.message}`;
    throw new BadInputError('FILE_INVALID', `${ADAPTER_CONFIG_FILE}: ${problem}`, {
      details: { file: ADAPTER_CONFIG_FILE, problem },
    });
  }
  const raw = parsed.data;
  for (const [key, unused] of Object.entries(UNUSED)) {
    const value = raw[key];
    if (value === undefined || unused(value)) continue;
    throw unsupportedAdapter(key, `= ${JSON.stringify(value).slice(0, 100)} is not supported`);
  }
  return {
    baseRepo: raw.base_model_name_or_path,
    baseRevision: raw.revision ?? undefined,
    rank: raw.r,
    alpha: raw.lora_alpha,
    rankStabilised: raw.use_rslora === true,
    targets: raw.target_modules,
    savedModules: raw.modules_to_save ?? [],
    ...modulesOf(raw),
  };
}

/** A stranger's patterns share one budget, so that all of them together end within about a second. */
function modulesOf(raw: RawConfig): Pick<AdapterConfig, 'isTarget' | 'pairOf'> {
  const budget = new StepBudget();
  const isTarget = supported('target_modules', () => targetSelection(raw, budget));
  const rankOf = supported('rank_pattern', () => valuePattern(raw.rank_pattern ?? {}, raw.r, budget));
  const alphaOf = supported('alpha_pattern', () => valuePattern(raw.alpha_pattern ?? {}, raw.lora_alpha, budget));
  return {
    isTarget: (module, kind) => supported('target_modules', () => isTarget(module, kind)),
    pairOf: (module) => {
      const rank = supported('rank_pattern', () => rankOf(module));
      const alpha = supported('alpha_pattern', () => alphaOf(module));
      return { rank, scaling: alpha / (raw.use_rslora ? Math.sqrt(rank) : rank) };
    },
  };
}

function supported<T>(key: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PatternSyntaxError) throw unsupportedAdapter(key, `has a pattern that ${error.message}`);
    throw error;
  }
}

/** `parseAdapterConfig` of the file in `dir`. @throws also BadInputError `FILE_MISSING`. */
export async function readAdapterConfig(dir: string): Promise<AdapterConfig> {
  return parseAdapterConfig(await readJsonFile(dir, ADAPTER_CONFIG_FILE, LIMITS.jsonFileBytes));
}
