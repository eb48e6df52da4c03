import { tensorMismatch } from '../adapter/adapter-plan.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { embeddingName, headName, isDerivedTensor, modelTensors } from '../config/tensors.ts';
import type { TensorStore } from '../safetensors/file.ts';

/** All weights of a model as float32, by Hugging Face name, with the shapes of `modelTensors`. */
export type ModelWeights = ReadonlyMap<string, Float32Array>;

/** Effective weights that may be read one tensor at a time; `ModelWeights` are some that are all in memory. */
export interface WeightReader {
  /** The tensor as float32, with the shape that `modelTensors` has for it; undefined where there is none of that name. */
  get(name: string): Float32Array | Promise<Float32Array> | undefined;
}

/**
 * Checks names and shapes: exactly the model's tensors. Allowed beside them: buffers derived from the config and, in a
 * tied model, a head (which `readWeights` compares with the embedding).
 * @throws BadInputError `TENSOR_MISMATCH` naming the tensor.
 */
export function checkTensors(config: ModelConfig, { entries }: Pick<TensorStore, 'entries'>): void {
  const expected = modelTensors(config);
  for (const [name, shape] of expected) {
    const entry = entries.get(name);
    if (!entry) throw tensorMismatch(name, 'is missing');
    requireShape(name, entry.shape, shape);
  }
  for (const { name, shape } of entries.values()) {
    if (expected.has(name) || isDerivedTensor(name)) continue;
    if (!config.tied || name !== headName(config)) throw tensorMismatch(name, 'does not belong to the model');
    requireShape(name, shape, expected.get(embeddingName(config))!);
  }
}

/**
 * All weights of a checked store, about 4 bytes per parameter.
 * @throws BadInputError `WEIGHTS_NON_FINITE`; `TENSOR_MISMATCH` where a tied model brings a head of its own.
 */
export async function readWeights(config: ModelConfig, store: TensorStore): Promise<Map<string, Float32Array>> {
  checkTensors(config, store);
  const weights = new Map<string, Float32Array>();
  for (const name of modelTensors(config).keys()) weights.set(name, await store.read(name));
  await requireTiedHead(config, store, weights);
  return weights;
}

/**
 * A tied model may bring a head of its own, if it is the embedding.
 * @throws BadInputError `TENSOR_MISMATCH` where it is not.
 */
export async function requireTiedHead(config: ModelConfig, store: TensorStore, weights: WeightReader): Promise<void> {
  const headWeight = headName(config);
  if (!config.tied || !store.entries.has(headWeight)) return;
  const embedding = (await weights.get(embeddingName(config)))!;
  const head = await store.read(headWeight);
  if (head.some((value, index) => value !== embedding[index])) {
    throw tensorMismatch(headWeight, 'differs from the embedding, but the config ties them');
  }
}

function requireShape(name: string, shape: readonly number[], expected: readonly number[]): void {
  if (shape.length === expected.length && shape.every((size, axis) => size === expected[axis])) return;
  throw tensorMismatch(name, `has the shape [${shape}], expected is [${expected}]`);
}
