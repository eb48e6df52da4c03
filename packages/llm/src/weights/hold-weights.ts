import type { ModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import { elements } from '../onnx/tensor.ts';
import type { TensorStore } from '../safetensors/file.ts';
import { type MappedModelWeights, mapMerged, mapWeights } from './mapped-weights.ts';
import { mergeAdapter } from './merge-adapter.ts';
import { type ModelWeights, readWeights } from './model-weights.ts';

/** Weights in memory, or such that stay in their files. What is computed from them has the same bits either way. */
export type HeldWeights = ModelWeights | MappedModelWeights;

/**
 * From this many bytes of float32 on, weights stay in their files. Below it they are read into memory: a graph that they
 * are fed to serves every submission, and 16-bit ones are widened once instead of at every run.
 */
export const MAPPED_FROM_BYTES = 2 * 1024 ** 3;

/** Weights that somebody has to close. */
export interface WeightHolder {
  readonly weights: HeldWeights;
  /**
   * The same weights with the adapter of `dir` on top. This holder must not be used any more, nor closed.
   * @throws as `mergeAdapter`; then everything is closed.
   */
  merge(dir: string): Promise<WeightHolder>;
  close(): Promise<void>;
}

/** Bytes of the model's weights as float32. */
export function floatBytes(config: ModelConfig): number {
  let total = 0;
  for (const shape of modelTensors(config).values()) total += 4 * elements(shape);
  return total;
}

/**
 * The weights of a store, in memory or mapped, as the model's size wants it. Takes the store over.
 * @param options.scratchDir folder for what an adapter changes of mapped weights
 * @param options.mapped default: by size
 * @throws as `readWeights`; then the store is closed.
 */
export async function holdWeights(
  config: ModelConfig,
  store: TensorStore,
  options: { scratchDir: string; mapped?: boolean | undefined },
): Promise<WeightHolder> {
  const { scratchDir, mapped = floatBytes(config) >= MAPPED_FROM_BYTES } = options;
  if (mapped) return mappedHolder(config, await mapWeights(config, store), scratchDir);
  try {
    return memoryHolder(config, await readWeights(config, store));
  } finally {
    await store.close();
  }
}

function memoryHolder(config: ModelConfig, weights: ModelWeights): WeightHolder {
  const holder: WeightHolder = {
    weights,
    merge: async (dir) => {
      await mergeAdapter(config, weights, dir);
      return holder;
    },
    close: async () => {},
  };
  return holder;
}

function mappedHolder(config: ModelConfig, weights: MappedModelWeights, scratchDir: string): WeightHolder {
  return {
    weights,
    merge: async (dir) => mappedHolder(config, await mapMerged(config, weights, dir, scratchDir), scratchDir),
    close: () => weights.close(),
  };
}
