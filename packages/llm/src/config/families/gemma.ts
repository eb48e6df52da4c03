import { z } from 'zod';
import type { Traits } from '../traits.ts';
import { unsupportedModel } from '../unsupported.ts';
import type { Family, RawConfig, TensorNames } from './family.ts';
import { activationOf, GELUS, layerTypesField, readFields, slidingLayers, windowField } from './layers.ts';
import { ATTENTION_LINEARS, BIAS_FIELDS, LLAMA_NAMES } from './llama.ts';

const NAMES: TensorNames = {
  ...LLAMA_NAMES,
  modules: {
    ...LLAMA_NAMES.modules,
    attentionPostNorm: 'post_attention_layernorm',
    mlpNorm: 'pre_feedforward_layernorm',
    mlpPostNorm: 'post_feedforward_layernorm',
  },
};
const KEYS = [
  'attention_bias',
  'query_pre_attn_scalar',
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'sliding_window',
  'layer_types',
];
const DEFAULTS = {
  num_key_value_heads: 4,
  head_dim: 256,
  hidden_act: 'gelu_pytorch_tanh',
  tie_word_embeddings: true,
  sliding_window: 4_096,
};
const cap = z.number().gt(0).max(1e6).nullish();

/** What both have in common: scaled embedding, (1 + w) norms before and after each branch, a scale of its own, local layers. */
function common(raw: RawConfig, slides: (layer: number) => boolean, localRope: boolean): Partial<Traits> {
  const own = readFields(raw, {
    attention_bias: BIAS_FIELDS.attention_bias,
    query_pre_attn_scalar: z.number().gt(0).max(1e6).default(256),
    attn_logit_softcapping: cap,
    final_logit_softcapping: cap,
    sliding_window: windowField,
    layer_types: layerTypesField,
  });
  return {
    norm: 'rms-plus-one',
    activation: activationOf(raw, GELUS),
    biases: own.attention_bias ? ATTENTION_LINEARS : [],
    perLayer: slidingLayers(raw, { window: own.sliding_window, types: own.layer_types, slides, localRope }),
    attentionScale: own.query_pre_attn_scalar ** -0.5,
    attentionCap: own.attn_logit_softcapping ?? null,
    logitCap: own.final_logit_softcapping ?? null,
    embeddingScale: Math.sqrt(raw.hidden_size),
  };
}

/** Gemma 2: every other layer is local; attention scores and logits are capped. */
export const gemma2: Family = {
  architecture: 'Gemma2ForCausalLM',
  modelType: 'gemma2',
  names: NAMES,
  renamed: { hidden_activation: 'hidden_act' },
  defaults: {
    ...DEFAULTS,
    max_position_embeddings: 8_192,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
  },
  reads: KEYS,
  traits: (raw) => common(raw, (layer) => layer % 2 === 0, false),
};

/** Gemma 3, text only: five local layers to a global one, each kind with frequencies of its own, norms of queries and keys. */
export const gemma3: Family = {
  architecture: 'Gemma3ForCausalLM',
  modelType: 'gemma3_text',
  names: {
    ...NAMES,
    modules: { ...NAMES.modules, qNorm: 'self_attn.q_norm', kNorm: 'self_attn.k_norm' },
  },
  renamed: { hidden_activation: 'hidden_act' },
  defaults: { ...DEFAULTS, max_position_embeddings: 131_072 },
  ropeTheta: 1_000_000,
  localTheta: 10_000,
  reads: [...KEYS, 'rope_local_base_freq', 'sliding_window_pattern', '_sliding_window_pattern'],
  traits(raw) {
    const own = readFields(raw, {
      sliding_window_pattern: z.number().int().min(1).nullish(),
      attn_logit_softcapping: cap,
    });
    // transformers' own Gemma 3 takes this key and leaves it out of the arithmetic.
    if (own.attn_logit_softcapping != null) {
      throw unsupportedModel('attn_logit_softcapping', `= ${own.attn_logit_softcapping} is not used by Gemma 3`);
    }
    const pattern = own.sliding_window_pattern ?? 6;
    return common(raw, (layer) => (layer + 1) % pattern !== 0, true);
  },
};
