import { createHash } from 'node:crypto';
import type { ModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import type { TensorStore } from '../safetensors/file.ts';
import type { ModelWeights } from './model-weights.ts';

/** How far one tensor moved from the base. */
export interface TensorChange {
  readonly name: string;
  readonly shape: readonly number[];
  /** ‖w − w₀‖ / ‖w₀‖ (Frobenius); 0 = equal, at least about 1 for a matrix that has nothing to do with the base's. */
  readonly relative: number;
}

/**
 * Change of every tensor against the base, in graph order. The base is read one tensor at a time, so that only one
 * model is in memory. A base tensor of zeros counts as changed by 1 where the other is not zero.
 */
export async function compareWeights(
  config: ModelConfig,
  base: TensorStore,
  weights: ModelWeights,
): Promise<TensorChange[]> {
  const changes: TensorChange[] = [];
  for (const [name, shape] of modelTensors(config)) {
    changes.push({ name, shape, relative: relativeChange(await base.read(name), weights.get(name)!) });
  }
  return changes;
}

function relativeChange(base: Float32Array, other: Float32Array): number {
  let moved = 0;
  let size = 0;
  for (let i = 0; i < base.length; i++) {
    const difference = other[i]! - base[i]!;
    moved += difference * difference;
    size += base[i]! * base[i]!;
  }
  if (moved === 0) return 0;
  return size === 0 ? 1 : Math.sqrt(moved / size);
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
