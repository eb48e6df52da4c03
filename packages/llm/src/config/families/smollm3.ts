import { z } from 'zod';
import { type LayerTraits, perLayerOf } from '../traits.ts';
import { unsupportedModel } from '../unsupported.ts';
import type { Family } from './family.ts';
import { activationOf, layerTypesField, readFields, SILU, slidingLayers, windowField } from './layers.ts';
import { ATTENTION_LINEARS, BIAS_FIELDS, LLAMA_NAMES, MLP_LINEARS } from './llama.ts';

/** SmolLM3: every fourth layer has no rotary positions. */
export const smollm3: Family = {
  architecture: 'SmolLM3ForCausalLM',
  modelType: 'smollm3',
  names: LLAMA_NAMES,
  ropeTheta: 2_000_000,
  defaults: { num_key_value_heads: 4, tie_word_embeddings: true, max_position_embeddings: 32_768 },
  reads: [
    ...Object.keys(BIAS_FIELDS),
    'no_rope_layers',
    'no_rope_layer_interval',
    'use_sliding_window',
    'sliding_window',
    'layer_types',
  ],
  traits(raw) {
    const own = readFields(raw, {
      ...BIAS_FIELDS,
      no_rope_layers: z.array(z.union([z.literal(0), z.literal(1)])).nullish(),
      no_rope_layer_interval: z.number().int().min(1).default(4),
      use_sliding_window: z.boolean().nullish(),
      sliding_window: windowField,
      layer_types: layerTypesField,
    });
    if (own.no_rope_layers && own.no_rope_layers.length < raw.num_hidden_layers) {
      throw unsupportedModel('no_rope_layers', `has fewer entries than there are layers`);
    }
    const turns = (layer: number): boolean =>
      own.no_rope_layers ? own.no_rope_layers[layer] === 1 : (layer + 1) % own.no_rope_layer_interval !== 0;
    const window = own.use_sliding_window ? own.sliding_window : null;
    const slides = (layer: number): boolean => window != null && !turns(layer);
    const sliding = slidingLayers(raw, { window, types: own.layer_types, slides });
    return {
      activation: activationOf(raw, SILU),
      biases: [...(own.attention_bias ? ATTENTION_LINEARS : []), ...(own.mlp_bias ? MLP_LINEARS : [])],
      perLayer: perLayerOf(
        Array.from({ length: raw.num_hidden_layers }, (_, layer): LayerTraits => {
          return { window: sliding?.[layer]?.window ?? null, rope: turns(layer) ? 'global' : 'none' };
        }),
      ),
    };
  },
};
