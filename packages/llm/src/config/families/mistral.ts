import type { Family } from './family.ts';
import { activationOf, readFields, SILU, slidingLayers, windowField } from './layers.ts';
import { LLAMA_NAMES } from './llama.ts';

/** Mistral 7B: every layer has the window, if there is one. */
export const mistral: Family = {
  architecture: 'MistralForCausalLM',
  modelType: 'mistral',
  names: LLAMA_NAMES,
  defaults: { num_key_value_heads: 8, max_position_embeddings: 131_072, sliding_window: 4_096 },
  reads: ['sliding_window'],
  traits(raw) {
    const window = readFields(raw, { sliding_window: windowField }).sliding_window ?? null;
    return {
      activation: activationOf(raw, SILU),
      perLayer: slidingLayers(raw, { window, types: undefined, slides: () => window !== null }),
    };
  },
};
