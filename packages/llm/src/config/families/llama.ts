import { z } from 'zod';
import type { LayerRole } from '../traits.ts';
import type { Family, TensorNames } from './family.ts';
import { activationOf, readFields, SILU } from './layers.ts';

/** The names that most families took over. */
export const LLAMA_NAMES: TensorNames = {
  embedding: 'model.embed_tokens',
  finalNorm: 'model.norm',
  head: 'lm_head',
  layers: 'model.layers',
  modules: {
    attentionNorm: 'input_layernorm',
    q: 'self_attn.q_proj',
    k: 'self_attn.k_proj',
    v: 'self_attn.v_proj',
    o: 'self_attn.o_proj',
    mlpNorm: 'post_attention_layernorm',
    gate: 'mlp.gate_proj',
    up: 'mlp.up_proj',
    down: 'mlp.down_proj',
  },
};

export const ATTENTION_LINEARS: readonly LayerRole[] = ['q', 'k', 'v', 'o'];
export const MLP_LINEARS: readonly LayerRole[] = ['gate', 'up', 'down'];
export const BIAS_FIELDS = { attention_bias: z.boolean().nullish(), mlp_bias: z.boolean().nullish() };

/** Llama 1 to 3.x, TinyLlama, SmolLM and SmolLM2. */
export const llama: Family = {
  architecture: 'LlamaForCausalLM',
  modelType: 'llama',
  names: LLAMA_NAMES,
  reads: ['attention_bias', 'mlp_bias'],
  traits(raw) {
    const own = readFields(raw, BIAS_FIELDS);
    return {
      activation: activationOf(raw, SILU),
      biases: [...(own.attention_bias ? ATTENTION_LINEARS : []), ...(own.mlp_bias ? MLP_LINEARS : [])],
    };
  },
};
