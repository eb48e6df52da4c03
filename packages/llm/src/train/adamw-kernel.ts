import { F32, F64, I32, V128, type WasmFunction } from '../wasm/encode.ts';
import { instantiate } from '../wasm/instantiate.ts';
import { f32x4, f64Add, f64x2, i32, local, repeatWhile, v128 } from '../wasm/instructions.ts';

/** Elements of a chunk: four arrays of it are a page of memory, and near the core's first cache. */
export const CHUNK = 4096;
const CHUNK_BYTES = 4 * CHUNK;

/** Factors of one step, see `adamWStep`. */
export interface StepFactors {
  /** Of the gradient: clipping. */
  readonly clip: number;
  /** Of the value: weight decay. */
  readonly keep: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Of first moment over (√ second moment + epsilon). */
  readonly rate: number;
  readonly epsilon: number;
}
const FACTORS = ['clip', 'keep', 'beta1', 'one1', 'beta2', 'one2', 'rate', 'epsilon'] as const;

/**
 * AdamW in float32, four elements at a time: in plain JavaScript the update of a small model takes a quarter of a training
 * step, and as onnxruntime's nodes as long. Works on one chunk, which the caller copies in and out.
 */
export class AdamWKernel {
  readonly values: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly gradient: Float32Array;
  readonly #exports: ReturnType<typeof instantiate>['exports'];

  constructor() {
    const { buffer, exports } = instantiate([stepFunction(), squaresFunction()], 4 * CHUNK_BYTES);
    const view = (index: number) => new Float32Array(buffer, index * CHUNK_BYTES, CHUNK);
    [this.values, this.m, this.v, this.gradient] = [view(0), view(1), view(2), view(3)];
    this.#exports = exports;
  }

  /** Updates the first `count` elements of `values`, `m` and `v`. */
  step(count: number, { clip, keep, beta1, beta2, rate, epsilon }: StepFactors): void {
    this.#exports['step']!(4 * count, clip, keep, beta1, 1 - beta1, beta2, 1 - beta2, rate, epsilon);
  }

  /** Sum of the squares of the first `count` elements of `gradient`, in float64. */
  squares(count: number): number {
    this.gradient.fill(0, count, Math.min(CHUNK, count + 3));
    return this.#exports['squares']!(4 * count);
  }
}

function stepFunction(): WasmFunction {
  const [at, end] = [FACTORS.length + 1, 0];
  const factor = (name: (typeof FACTORS)[number]) => local.get(at + 1 + FACTORS.indexOf(name));
  const [gradient, first, second] = [at + 9, at + 10, at + 11];
  const [values, m, v, g] = [0, CHUNK_BYTES, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES];
  const load = (offset: number) => [...local.get(at), ...v128.load(offset)];
  const times = (a: readonly number[], b: readonly number[]) => [...a, ...b, ...f32x4.mul];
  const [grad, m1, v1] = [local.get(gradient), local.get(first), local.get(second)];
  return {
    name: 'step',
    parameters: [I32, ...FACTORS.map(() => F32 as typeof F32)],
    results: [],
    locals: [I32, ...FACTORS.map(() => V128 as typeof V128), V128, V128, V128],
    body: [
      ...FACTORS.flatMap((_, i) => [...local.get(1 + i), ...f32x4.splat, ...local.set(at + 1 + i)]),
      ...repeatWhile([
        ...[...times(load(g), factor('clip')), ...local.set(gradient)],
        // m·β₁ + g·(1 − β₁)
        ...local.get(at),
        ...[...times(load(m), factor('beta1')), ...times(grad, factor('one1')), ...f32x4.add, ...local.tee(first)],
        ...v128.store(m),
        // v·β₂ + g²·(1 − β₂)
        ...local.get(at),
        ...[...times(load(v), factor('beta2')), ...times(times(grad, grad), factor('one2'))],
        ...[...f32x4.add, ...local.tee(second), ...v128.store(v)],
        // values·keep − rate·m / (√v + ε)
        ...local.get(at),
        ...times(load(values), factor('keep')),
        ...[...times(m1, factor('rate')), ...v1, ...f32x4.sqrt, ...factor('epsilon'), ...f32x4.add, ...f32x4.div],
        ...[...f32x4.sub, ...v128.store(values)],
        ...next(at, end),
      ]),
    ],
  };
}

function squaresFunction(): WasmFunction {
  const [end, at, low, high, pair] = [0, 1, 2, 3, 4];
  const addSquare = (sum: number, offset: number) => [
    ...[...local.get(at), ...v128.loadLow(3 * CHUNK_BYTES + offset), ...f64x2.promoteLow, ...local.tee(pair)],
    ...[...local.get(pair), ...f64x2.mul, ...local.get(sum), ...f64x2.add, ...local.set(sum)],
  ];
  return {
    name: 'squares',
    parameters: [I32],
    results: [F64],
    locals: [I32, V128, V128, V128],
    body: [
      ...repeatWhile([...addSquare(low, 0), ...addSquare(high, 8), ...next(at, end)]),
      ...[...local.get(low), ...local.get(high), ...f64x2.add, ...local.set(pair)],
      ...[...local.get(pair), ...f64x2.extract(0), ...local.get(pair), ...f64x2.extract(1), ...f64Add],
    ],
  };
}

/** at += 16; at < end */
function next(at: number, end: number): number[] {
  return [...local.get(at), ...i32.const(16), ...i32.add, ...local.tee(at), ...local.get(end), ...i32.lessThan];
}
