import { z } from 'zod';
import { unsupportedModel } from '../unsupported.ts';
import type { Family } from './family.ts';
import { activationOf, GELUS, readFields } from './layers.ts';

/** GPT-2: learned positions, LayerNorm, matrices stored [in, out]. */
export const gpt2: Family = {
  architecture: 'GPT2LMHeadModel',
  modelType: 'gpt2',
  names: {
    embedding: 'transformer.wte',
    positions: 'transformer.wpe',
    finalNorm: 'transformer.ln_f',
    head: 'lm_head',
    layers: 'transformer.h',
    modules: {
      attentionNorm: 'ln_1',
      qkv: 'attn.c_attn',
      o: 'attn.c_proj',
      mlpNorm: 'ln_2',
      up: 'mlp.c_fc',
      down: 'mlp.c_proj',
    },
    transposed: true,
  },
  renamed: {
    n_embd: 'hidden_size',
    n_layer: 'num_hidden_layers',
    n_head: 'num_attention_heads',
    n_inner: 'intermediate_size',
    n_positions: 'max_position_embeddings',
    activation_function: 'hidden_act',
    layer_norm_epsilon: 'rms_norm_eps',
  },
  defaults: {
    hidden_act: 'gelu_new',
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    max_position_embeddings: 1_024,
  },
  reads: ['scale_attn_weights', 'scale_attn_by_inverse_layer_idx', 'add_cross_attention'],
  traits(raw) {
    const own = readFields(raw, {
      scale_attn_weights: z.boolean().default(true),
      scale_attn_by_inverse_layer_idx: z.boolean().default(false),
      add_cross_attention: z.boolean().default(false),
    });
    if (!own.scale_attn_weights) throw unsupportedModel('scale_attn_weights', '= false is not supported');
    if (own.scale_attn_by_inverse_layer_idx) {
      throw unsupportedModel('scale_attn_by_inverse_layer_idx', '= true is not supported');
    }
    if (own.add_cross_attention) throw unsupportedModel('add_cross_attention', '= true is not supported');
    return {
      norm: 'layer',
      activation: activationOf(raw, GELUS),
      biases: ['qkv', 'o', 'up', 'down'],
    };
  },
};
