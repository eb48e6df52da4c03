import { createHash } from 'node:crypto';
import type { ModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import type { TensorStore } from '../safetensors/file.ts';
import type { WeightReader } from './model-weights.ts';

/** How one tensor differs from the base's. */
export interface TensorChange {
  readonly name: string;
  readonly shape: readonly number[];
  /** ‖w − w₀‖ / ‖w₀‖ (Frobenius); 0 = equal. */
  readonly relative: number;
  /** Cosine of the angle between w and w₀ as vectors; 1 = same direction, about 0 for unrelated matrices. */
  readonly cosine: number;
  /** The part of `relative` that no factor on the whole tensor explains; 0 = the base's tensor, rescaled. */
  readonly turned: number;
}

/** Sums over the elements of a tensor, in float64. */
export interface TensorSums {
  /** (w − w₀)² */
  moved: number;
  /** w₀² */
  base: number;
  /** w² */
  other: number;
  /** w·w₀ */
  dot: number;
}

export type TensorVisitor = (name: string, before: Float32Array, after: Float32Array, sums: TensorSums) => void;

export interface WeightComparison {
  /** Every tensor, in graph order. */
  readonly tensors: readonly TensorChange[];
  /** ‖w − w₀‖ / ‖w₀‖ over all weights together. */
  readonly relative: number;
  /** The same for `turned`. */
  readonly turned: number;
}

/**
 * Compares effective weights with the base's, one tensor at a time, so that at most one model is in memory.
 * `visit` sees each pair of tensors, so that more can be taken from the same pass.
 * Where one of two tensors is all zeros the cosine is 1 if both are, else 0; a zero base counts as changed by 1.
 * @throws only what reading the base and the weights throws.
 */
export async function compareWeights(
  config: ModelConfig,
  base: TensorStore,
  weights: WeightReader,
  visit: TensorVisitor = () => {},
): Promise<WeightComparison> {
  const tensors: TensorChange[] = [];
  const total = { moved: 0, base: 0, turned: 0 };
  for (const [name, shape] of modelTensors(config)) {
    const before = await base.read(name);
    const after = (await weights.get(name))!;
    const sums = compareTensor(before, after);
    visit(name, before, after, sums);
    const turned = turnedSquares(sums);
    total.moved += sums.moved;
    total.base += sums.base;
    total.turned += turned;
    const norms = Math.sqrt(sums.base * sums.other);
    const cosine = norms > 0 ? sums.dot / norms : sums.base === sums.other ? 1 : 0;
    tensors.push({ name, shape, relative: ratio(sums.moved, sums.base), cosine, turned: ratio(turned, sums.base) });
  }
  return { tensors, relative: ratio(total.moved, total.base), turned: ratio(total.turned, total.base) };
}

function ratio(squares: number, base: number): number {
  if (squares === 0) return 0;
  return base === 0 ? 1 : Math.sqrt(squares / base);
}

/** ‖w − (w·w₀ / w₀²)·w₀‖². The difference of nearly equal sums: below about 1e-15 of them it is rounding. */
function turnedSquares({ moved, base, other, dot }: TensorSums): number {
  if (moved === 0) return 0;
  return base === 0 ? other : Math.max(0, other - dot ** 2 / base);
}

function compareTensor(base: Float32Array, other: Float32Array): TensorSums {
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
export async function weightsDigest(config: ModelConfig, weights: WeightReader): Promise<string> {
  const hash = createHash('sha256');
  const shapes = modelTensors(config);
  for (const name of [...shapes.keys()].sort()) {
    hash.update(`${name}\0${shapes.get(name)!.join(',')}\0`);
    const { buffer, byteOffset, byteLength } = (await weights.get(name))!;
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}
