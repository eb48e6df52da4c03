import { createHash } from 'node:crypto';
import type { ModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import type { TensorStore } from '../safetensors/file.ts';
import type { ModelWeights } from './model-weights.ts';

/** How one tensor differs from the base's. */
export interface TensorChange {
  readonly name: string;
  readonly shape: readonly number[];
  /** ‖w − w₀‖ / ‖w₀‖ (Frobenius); 0 = equal. */
  readonly relative: number;
  /** Cosine of the angle between w and w₀ as vectors; 1 = same direction, about 0 for unrelated matrices. */
  readonly cosine: number;
}

export interface WeightComparison {
  /** Every tensor, in graph order. */
  readonly tensors: readonly TensorChange[];
  /** ‖w − w₀‖ / ‖w₀‖ over all weights together. */
  readonly relative: number;
}

/**
 * Compares effective weights with the base's. The base is read one tensor at a time, so that only one model is in memory.
 * Where one of two tensors is all zeros the cosine is 1 if both are, else 0; a zero base counts as changed by 1.
 * @throws only what reading the base throws.
 */
export async function compareWeights(
  config: ModelConfig,
  base: TensorStore,
  weights: ModelWeights,
): Promise<WeightComparison> {
  const tensors: TensorChange[] = [];
  const total = { moved: 0, base: 0 };
  for (const [name, shape] of modelTensors(config)) {
    const sums = compareTensor(await base.read(name), weights.get(name)!);
    total.moved += sums.moved;
    total.base += sums.base;
    const norms = Math.sqrt(sums.base * sums.other);
    const cosine = norms > 0 ? sums.dot / norms : sums.base === sums.other ? 1 : 0;
    tensors.push({ name, shape, relative: ratio(sums), cosine });
  }
  return { tensors, relative: ratio(total) };
}

function ratio({ moved, base }: { moved: number; base: number }): number {
  if (moved === 0) return 0;
  return base === 0 ? 1 : Math.sqrt(moved / base);
}

/** Sums in float64: squares of the difference, of the base and of the other, and the dot product. */
function compareTensor(base: Float32Array, other: Float32Array) {
  const sums = { moved: 0, base: 0, other: 0, dot: 0 };
  for (let i = 0; i < base.length; i++) {
    const before = base[i]!;
    const after = other[i]!;
    sums.moved += (after - before) ** 2;
    sums.base += before * before;
    sums.other += after * after;
    sums.dot += before * after;
  }
  return sums;
}

/**
 * sha256 (hex) over the effective float32 weights: for each tensor in name order `name\0shape\0` and its little-endian
 * bytes. Two submissions with the same digest are the same model, however they are packed (adapter or full, f32 or
 * a widened bf16, one file or shards).
 */
export function weightsDigest(config: ModelConfig, weights: ModelWeights): string {
  const hash = createHash('sha256');
  const shapes = modelTensors(config);
  for (const name of [...shapes.keys()].sort()) {
    hash.update(`${name}\0${shapes.get(name)!.join(',')}\0`);
    const { buffer, byteOffset, byteLength } = weights.get(name)!;
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}
