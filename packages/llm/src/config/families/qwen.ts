import { z } from 'zod';
import type { Family, RawConfig } from './family.ts';
import { activationOf, layerTypesField, readFields, SILU, slidingLayers, windowField } from './layers.ts';
import { ATTENTION_LINEARS, BIAS_FIELDS, LLAMA_NAMES } from './llama.ts';

const WINDOW_KEYS = ['use_sliding_window', 'sliding_window', 'max_window_layers', 'layer_types'];

/** The window counts only where `use_sliding_window` says so, and then from layer `max_window_layers` on. */
function windows(raw: RawConfig) {
  const own = readFields(raw, {
    use_sliding_window: z.boolean().nullish(),
    sliding_window: windowField,
    max_window_layers: z.number().int().min(0).nullish(),
    layer_types: layerTypesField,
  });
  const window = own.use_sliding_window ? own.sliding_window : null;
  const from = own.max_window_layers ?? 28;
  return slidingLayers(raw, { window, types: own.layer_types, slides: (layer) => window != null && layer >= from });
}

const DEFAULTS = { num_key_value_heads: 32, max_position_embeddings: 32_768, sliding_window: 4_096 };

/** Qwen 2 and 2.5: biases of queries, keys and values. */
export const qwen2: Family = {
  architecture: 'Qwen2ForCausalLM',
  modelType: 'qwen2',
  names: LLAMA_NAMES,
  defaults: DEFAULTS,
  reads: WINDOW_KEYS,
  traits: (raw) => ({ activation: activationOf(raw, SILU), biases: ['q', 'k', 'v'], perLayer: windows(raw) }),
};

/** Qwen 3: norms of each head's query and key instead of the biases. */
export const qwen3: Family = {
  architecture: 'Qwen3ForCausalLM',
  modelType: 'qwen3',
  names: {
    ...LLAMA_NAMES,
    modules: { ...LLAMA_NAMES.modules, qNorm: 'self_attn.q_norm', kNorm: 'self_attn.k_norm' },
  },
  defaults: { ...DEFAULTS, head_dim: 128 },
  reads: [...WINDOW_KEYS, 'attention_bias'],
  traits: (raw) => ({
    activation: activationOf(raw, SILU),
    biases: readFields(raw, BIAS_FIELDS).attention_bias ? ATTENTION_LINEARS : [],
    perLayer: windows(raw),
  }),
};
