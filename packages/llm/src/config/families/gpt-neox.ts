import { z } from 'zod';
import type { Family } from './family.ts';
import { activationOf, GELUS, readFields } from './layers.ts';

/** GPT-NeoX and Pythia: LayerNorm, parallel branches, one matrix of query, key and value per head, part of a head turns. */
export const gptNeox: Family = {
  architecture: 'GPTNeoXForCausalLM',
  modelType: 'gpt_neox',
  names: {
    embedding: 'gpt_neox.embed_in',
    finalNorm: 'gpt_neox.final_layer_norm',
    head: 'embed_out',
    layers: 'gpt_neox.layers',
    modules: {
      attentionNorm: 'input_layernorm',
      qkv: 'attention.query_key_value',
      o: 'attention.dense',
      mlpNorm: 'post_attention_layernorm',
      up: 'mlp.dense_h_to_4h',
      down: 'mlp.dense_4h_to_h',
    },
    qkvOrder: 'heads',
  },
  renamed: { layer_norm_eps: 'rms_norm_eps', rotary_emb_base: 'rope_theta', rotary_pct: 'partial_rotary_factor' },
  defaults: { hidden_act: 'gelu', rms_norm_eps: 1e-5 },
  partialRotary: 0.25,
  reads: ['use_parallel_residual', 'attention_bias'],
  traits(raw) {
    const own = readFields(raw, {
      use_parallel_residual: z.boolean().default(true),
      attention_bias: z.boolean().default(true),
    });
    return {
      norm: 'layer',
      activation: activationOf(raw, GELUS),
      parallel: own.use_parallel_residual,
      biases: [...(own.attention_bias ? (['qkv', 'o'] as const) : []), 'up', 'down'],
    };
  },
};
