import type { ModelConfig } from './model-config.ts';

export const EMBEDDING = 'model.embed_tokens.weight';
export const FINAL_NORM = 'model.norm.weight';
export const HEAD = 'lm_head.weight';

/** Hugging Face names of the weights of one layer; projections are [out, in]. */
export function layerTensors(layer: number) {
  const prefix = `model.layers.${layer}`;
  return {
    inputNorm: `${prefix}.input_layernorm.weight`,
    q: `${prefix}.self_attn.q_proj.weight`,
    k: `${prefix}.self_attn.k_proj.weight`,
    v: `${prefix}.self_attn.v_proj.weight`,
    o: `${prefix}.self_attn.o_proj.weight`,
    postNorm: `${prefix}.post_attention_layernorm.weight`,
    gate: `${prefix}.mlp.gate_proj.weight`,
    up: `${prefix}.mlp.up_proj.weight`,
    down: `${prefix}.mlp.down_proj.weight`,
  } as const;
}

/** Every weight of the model and its shape, in graph order. A tied model has no `lm_head.weight`. */
export function modelTensors(config: ModelConfig): Map<string, readonly number[]> {
  const { hiddenSize: d, vocabularySize, intermediateSize: f, heads, kvHeads, headDim } = config;
  const shapes = new Map<string, readonly number[]>([[EMBEDDING, [vocabularySize, d]]]);
  for (let layer = 0; layer < config.layers; layer++) {
    const names = layerTensors(layer);
    shapes.set(names.inputNorm, [d]);
    shapes.set(names.q, [heads * headDim, d]);
    shapes.set(names.k, [kvHeads * headDim, d]);
    shapes.set(names.v, [kvHeads * headDim, d]);
    shapes.set(names.o, [d, heads * headDim]);
    shapes.set(names.postNorm, [d]);
    shapes.set(names.gate, [f, d]);
    shapes.set(names.up, [f, d]);
    shapes.set(names.down, [d, f]);
  }
  shapes.set(FINAL_NORM, [d]);
  if (!config.tied) shapes.set(HEAD, [vocabularySize, d]);
  return shapes;
}

/** Buffers that old checkpoints carry beside the weights; they are derived from the config and never used. */
export function isDerivedTensor(name: string): boolean {
  return /^model\.layers\.\d{1,4}\.self_attn\.rotary_emb\.inv_freq$/.test(name);
}
