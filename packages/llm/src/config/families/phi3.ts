import type { Family } from './family.ts';
import { activationOf, readFields, SILU, slidingLayers, windowField } from './layers.ts';
import { LLAMA_NAMES } from './llama.ts';

const { q: _q, k: _k, v: _v, gate: _gate, up: _up, ...shared } = LLAMA_NAMES.modules;

/** Phi-3, 3.5 and 4-mini: queries, keys and values in one matrix, gate and up in one; longrope; part of a head may turn. */
export const phi3: Family = {
  architecture: 'Phi3ForCausalLM',
  modelType: 'phi3',
  names: {
    ...LLAMA_NAMES,
    modules: { ...shared, qkv: 'self_attn.qkv_proj', gateUp: 'mlp.gate_up_proj' },
  },
  defaults: { rms_norm_eps: 1e-5, max_position_embeddings: 4_096, original_max_position_embeddings: 4_096 },
  partialRotary: 1,
  reads: ['sliding_window', 'original_max_position_embeddings'],
  traits(raw) {
    const window = readFields(raw, { sliding_window: windowField }).sliding_window ?? null;
    return {
      activation: activationOf(raw, SILU),
      perLayer: slidingLayers(raw, { window, types: undefined, slides: () => window !== null }),
    };
  },
};
