import type { ModelConfig } from '../config/model-config.ts';
import { openModelWeights } from '../safetensors/model-store.ts';
import { mergeAdapter } from './merge-adapter.ts';
import { readWeights } from './model-weights.ts';

/** Where weights come from: a folder with the whole model, or a PEFT LoRA adapter on top of a base folder. */
export type WeightSource =
  | { readonly kind: 'full'; readonly dir: string }
  | { readonly kind: 'adapter'; readonly baseDir: string; readonly dir: string };

/**
 * The effective weights as float32; an adapter is merged into its base. Whether an adapter names the right base is
 * checked by `requireAdapterBase`, not here.
 * @throws BadInputError of the safetensors reader, `TENSOR_MISMATCH`, `WEIGHTS_NON_FINITE`, `ADAPTER_UNSUPPORTED`.
 */
export async function loadWeights(config: ModelConfig, source: WeightSource): Promise<Map<string, Float32Array>> {
  const store = await openModelWeights(config, source.kind === 'full' ? source.dir : source.baseDir);
  try {
    const weights = await readWeights(config, store);
    if (source.kind === 'adapter') await mergeAdapter(config, weights, source.dir);
    return weights;
  } finally {
    await store.close();
  }
}
