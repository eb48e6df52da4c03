import { LIMITS } from '@tuning/protocol';
import { z } from 'zod';
import { readJsonFile } from './json-file.ts';
import { parseRope, type RopeScaling, ropeFields } from './rope-config.ts';
import { unsupportedModel } from './unsupported.ts';

/** What the graph of a Llama-family model depends on, and its special ids. */
export interface ModelConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | undefined;
  /** True: the head shares the embedding and there is no lm_head.weight. */
  readonly tied: boolean;
  readonly maxPositions: number;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
}

const count = (max: number) => z.number().int().min(1).max(max);
const tokenId = z.number().int().min(0).nullish();

/** The keys that we read; the rest passes unless `REFUSED` knows that it changes the arithmetic. */
const configSchema = z.looseObject({
  architectures: z.array(z.string()).length(1),
  model_type: z.literal('llama'),
  vocab_size: count(2_000_000),
  hidden_size: count(65_536),
  num_hidden_layers: count(1_024),
  num_attention_heads: count(1_024),
  num_key_value_heads: count(1_024).nullish(),
  head_dim: count(1_024).nullish(),
  intermediate_size: count(1_000_000),
  hidden_act: z.string().default('silu'),
  rms_norm_eps: z.number().gt(0).lt(1).default(1e-6),
  tie_word_embeddings: z.boolean().default(false),
  max_position_embeddings: count(100_000_000).default(2_048),
  bos_token_id: tokenId,
  eos_token_id: z.union([tokenId, z.array(z.number().int().min(0)).min(1)]),
  ...ropeFields,
});

/**
 * Keys of related families that change the arithmetic, with the values that mean "not used". A config that has one of
 * them otherwise is refused by name: a wrong graph would give every honest submission a wrong loss.
 */
const REFUSED: Readonly<Record<string, readonly unknown[]>> = {
  attention_bias: [false],
  mlp_bias: [false],
  sliding_window: [],
  use_sliding_window: [false],
  quantization_config: [],
  auto_map: [],
  partial_rotary_factor: [1],
  attn_logit_softcapping: [],
  final_logit_softcapping: [],
  query_pre_attn_scalar: [],
  logit_scale: [1],
  logits_scaling: [1],
  embedding_multiplier: [1],
  residual_multiplier: [1],
  attention_multiplier: [],
  num_local_experts: [0, 1],
  num_experts: [0, 1],
  use_qk_norm: [false],
};

/**
 * The config of a Llama-family model from the parsed `config.json`.
 * @throws BadInputError `MODEL_UNSUPPORTED` naming the architecture or the key that our graph cannot express.
 */
export function parseModelConfig(json: unknown): ModelConfig {
  refuseOtherArchitectures(json);
  const result = configSchema.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw unsupportedModel(issue.path.join('.') || 'the file', `is not usable: ${issue.message}`);
  }
  const raw = result.data;
  for (const [key, unused] of Object.entries(REFUSED)) {
    const value = raw[key];
    if (value === undefined || value === null || unused.includes(value)) continue;
    throw unsupportedModel(key, `= ${JSON.stringify(value).slice(0, 100)} is not supported`);
  }
  const layerTypes = raw['layer_types'];
  if (Array.isArray(layerTypes) && layerTypes.some((type) => type !== 'full_attention')) {
    throw unsupportedModel('layer_types', 'other than "full_attention" are not supported');
  }
  if (raw.hidden_act !== 'silu')
    throw unsupportedModel('hidden_act', `= "${raw.hidden_act}" is not supported, only "silu"`);
  const heads = raw.num_attention_heads;
  const kvHeads = raw.num_key_value_heads ?? heads;
  const headDim = raw.head_dim ?? raw.hidden_size / heads;
  if (heads % kvHeads !== 0)
    throw unsupportedModel('num_key_value_heads', `= ${kvHeads} does not divide ${heads} heads`);
  if (headDim % 16 !== 0) {
    throw unsupportedModel('head_dim', `= ${headDim} is not a multiple of 16, which the attention kernel needs`);
  }
  const eos = raw.eos_token_id;
  return {
    vocabularySize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    layers: raw.num_hidden_layers,
    heads,
    kvHeads,
    headDim,
    intermediateSize: raw.intermediate_size,
    normEpsilon: raw.rms_norm_eps,
    ...parseRope(raw),
    tied: raw.tie_word_embeddings,
    maxPositions: raw.max_position_embeddings,
    bosId: raw.bos_token_id ?? undefined,
    eosId: (Array.isArray(eos) ? eos[0] : eos) ?? undefined,
  };
}

function refuseOtherArchitectures(json: unknown): void {
  const { architectures, model_type: type } = (json ?? {}) as { architectures?: unknown; model_type?: unknown };
  const named = Array.isArray(architectures) ? architectures.join(', ') : undefined;
  if (named === 'LlamaForCausalLM' && type === 'llama') return;
  throw unsupportedModel(
    'architectures',
    `= ${String(named ?? type ?? 'nothing').slice(0, 100)} is not supported, only LlamaForCausalLM (model_type llama)`,
  );
}

/** `parseModelConfig` of the file `config.json` in `dir`. @throws also BadInputError `FILE_MISSING`, `FILE_INVALID`. */
export async function readModelConfig(dir: string): Promise<ModelConfig> {
  return parseModelConfig(await readJsonFile(dir, 'config.json', LIMITS.jsonFileBytes));
}

/** The first key in which two configs would give different graphs, or undefined. Ids and context length do not count. */
export function configDifference(base: ModelConfig, other: ModelConfig): string | undefined {
  const { bosId: _bos, eosId: _eos, maxPositions: _positions, ...arithmetic } = base;
  for (const key of Object.keys(arithmetic) as (keyof typeof arithmetic)[]) {
    if (JSON.stringify(base[key]) !== JSON.stringify(other[key])) return key;
  }
  return undefined;
}
