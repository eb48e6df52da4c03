import { unsupportedModel } from './unsupported.ts';

/**
 * Keys that change the arithmetic of some model, with the values that mean "not used". A config that has one of them
 * otherwise is refused by name unless its family reads the key: a wrong graph would give every honest submission a wrong
 * loss.
 */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  attention_bias: [false],
  mlp_bias: [false],
  sliding_window: [],
  use_sliding_window: [false],
  max_window_layers: [],
  no_rope_layers: [],
  no_rope_layer_interval: [],
  quantization_config: [],
  auto_map: [],
  partial_rotary_factor: [1],
  rotary_pct: [1],
  rotary_emb_base: [],
  rope_local_base_freq: [],
  original_max_position_embeddings: [],
  attn_logit_softcapping: [],
  final_logit_softcapping: [],
  query_pre_attn_scalar: [],
  use_bidirectional_attention: [false],
  use_parallel_residual: [false],
  scale_attn_weights: [true],
  scale_attn_by_inverse_layer_idx: [false],
  add_cross_attention: [false],
  logit_scale: [1],
  logits_scaling: [1],
  embedding_multiplier: [1],
  residual_multiplier: [1],
  attention_multiplier: [],
  num_local_experts: [0, 1],
  num_experts: [0, 1],
  use_qk_norm: [false],
  rope_interleaved: [false],
  tie_encoder_decoder: [false],
  is_encoder_decoder: [false],
  // Max-window keys of Qwen stand in files that do not use them.
  layer_types: [],
};

/** Keys whose name speaks of the arithmetic although they change nothing here. */
const INERT = new Set([
  // GPT-2's rounding of attention in mixed precision, and its classification heads: nothing in float32 generation.
  'reorder_and_upcast_attn',
  'num_logits_to_keep',
  'pretraining_tp',
  'output_attentions',
  'cross_attention_hidden_size',
]);

/** Names of keys that we do not know and that may well change the arithmetic. */
const SUSPICIOUS =
  /multiplier|softcap|scal(?:e|ing)|rope|rotary|alibi|window|norm|bias|expert|moe|logit|residual|activation|sparse|mamba|mixer|bidirectional|lora/;

/**
 * @param known keys that are read, by every family or by this one
 * @throws BadInputError `MODEL_UNSUPPORTED` naming the key.
 */
export function refuseUnreadKeys(json: Readonly<Record<string, unknown>>, known: ReadonlySet<string>): void {
  for (const [key, value] of Object.entries(json)) {
    if (known.has(key) || INERT.has(key) || isUnset(value)) continue;
    const neutral = NEUTRAL[key];
    if (neutral === undefined ? !SUSPICIOUS.test(key) : neutral.includes(value)) continue;
    throw unsupportedModel(key, `= ${JSON.stringify(value).slice(0, 100)} is not supported`);
  }
}

function isUnset(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return true;
  return typeof value === 'object' && Object.keys(value as object).length === 0;
}
