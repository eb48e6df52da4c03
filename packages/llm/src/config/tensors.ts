import type { TensorNames } from './families/family.ts';
import { familyOf } from './families/index.ts';
import { LLAMA_NAMES } from './families/llama.ts';
import type { ModelConfig } from './model-config.ts';
import type { LayerRole } from './traits.ts';

/** Names of the embedding and of the head in most families; see `embeddingName` and `headName`. */
export const EMBEDDING = `${LLAMA_NAMES.embedding}.weight`;
export const HEAD = `${LLAMA_NAMES.head}.weight`;

export const weightOf = (module: string): string => `${module}.weight`;
export const biasOf = (module: string): string => `${module}.bias`;

export function tensorNames(config: ModelConfig): TensorNames {
  return familyOf(config.traits.family).names;
}

/** Weight [vocabulary, hidden] that turns ids into rows. */
export function embeddingName(config: ModelConfig): string {
  return weightOf(tensorNames(config).embedding);
}

/** Weight of the untied head [vocabulary, hidden]; a tied model has the embedding in its place. */
export function headName(config: ModelConfig): string {
  return weightOf(tensorNames(config).head);
}

/** Module paths of one layer by role; a role that the family does not have is absent. */
export function layerModules(config: ModelConfig, layer: number): Partial<Record<LayerRole, string>> {
  const { layers, modules } = tensorNames(config);
  return Object.fromEntries(Object.entries(modules).map(([role, path]) => [role, `${layers}.${layer}.${path}`]));
}

/** Order of a layer's tensors, which seeds of initial values depend on. */
const ORDER: readonly LayerRole[] = [
  'attentionNorm',
  'q',
  'k',
  'v',
  'qkv',
  'qNorm',
  'kNorm',
  'o',
  'attentionPostNorm',
  'mlpNorm',
  'gate',
  'up',
  'gateUp',
  'down',
  'mlpPostNorm',
];

/** Out and in sizes of the linear modules, and the one size of the norms. */
function roleSizes(config: ModelConfig): Record<LayerRole, readonly number[]> {
  const { hiddenSize: d, intermediateSize: f, heads, kvHeads, headDim } = config;
  const query = heads * headDim;
  const key = kvHeads * headDim;
  return {
    attentionNorm: [d],
    q: [query, d],
    k: [key, d],
    v: [key, d],
    qkv: [query + 2 * key, d],
    qNorm: [headDim],
    kNorm: [headDim],
    o: [d, query],
    attentionPostNorm: [d],
    mlpNorm: [d],
    gate: [f, d],
    up: [f, d],
    gateUp: [2 * f, d],
    down: [d, f],
    mlpPostNorm: [d],
  };
}

/** Every weight of the model and its shape, in graph order. A tied model has no head. */
export function modelTensors(config: ModelConfig): Map<string, readonly number[]> {
  const names = tensorNames(config);
  const { traits, hiddenSize, vocabularySize } = config;
  const sizes = roleSizes(config);
  const shapes = new Map<string, readonly number[]>([[embeddingName(config), [vocabularySize, hiddenSize]]]);
  if (names.positions !== undefined) shapes.set(weightOf(names.positions), [config.maxPositions, hiddenSize]);
  const addNorm = (module: string, size: readonly number[]) => {
    shapes.set(weightOf(module), size);
    if (traits.norm === 'layer') shapes.set(biasOf(module), size);
  };
  for (let layer = 0; layer < config.layers; layer++) {
    const modules = layerModules(config, layer);
    for (const role of ORDER) {
      const module = modules[role];
      if (module === undefined) continue;
      const size = sizes[role];
      if (size.length === 1) addNorm(module, size);
      else {
        shapes.set(weightOf(module), names.transposed ? size.toReversed() : size);
        if (traits.biases.includes(role)) shapes.set(biasOf(module), [size[0]!]);
      }
    }
  }
  addNorm(names.finalNorm, [hiddenSize]);
  if (!config.tied) shapes.set(headName(config), [vocabularySize, hiddenSize]);
  return shapes;
}

/**
 * Buffers that old checkpoints carry beside the weights; they are derived from the config and never used. transformers
 * ignores the same ones, with the model's prefix and without.
 */
export function isDerivedTensor(name: string): boolean {
  return (
    /^(?:model\.)?layers\.\d{1,4}\.self_attn\.rotary_emb\.inv_freq$/.test(name) ||
    /^(?:gpt_neox\.)?layers\.\d{1,4}\.attention\.(?:rotary_emb\.inv_freq|bias|masked_bias)$/.test(name) ||
    /^(?:transformer\.)?h\.\d{1,4}\.attn\.(?:bias|masked_bias)$/.test(name)
  );
}

/** What the names of all weights but the head begin with, and what a checkpoint of the bare model lacks: `transformer.` */
export function modelPrefix(config: ModelConfig): string {
  const { embedding } = tensorNames(config);
  return embedding.slice(0, embedding.indexOf('.') + 1);
}
