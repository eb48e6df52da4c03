import { F32, F64, I32, V128, type WasmFunction } from '../wasm/encode.ts';
import { instantiate } from '../wasm/instantiate.ts';
import { f32x4, f64Add, f64x2, i32, local, repeatWhile, v128 } from '../wasm/instructions.ts';

/** Elements that are copied at a time: four arrays of it are a page of memory, and near the core's first cache. */
export const CHUNK = 4096;
const CHUNK_BYTES = 4 * CHUNK;

/** Factors of one step, see `AdamW.step`. */
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

/** Arrays of a step, in the order of the kernel's arguments. */
export interface StepArrays {
  readonly values: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly gradient: Float32Array;
}
const SLOTS = ['values', 'm', 'v', 'gradient'] as const;
type Slot = (typeof SLOTS)[number];
/** Of arrays that live in the kernel's memory; a larger model's others are copied in and out, which is all it costs. */
const MOST_ROOM_BYTES = 2 ** 30;
const GROUP = 4;

/**
 * AdamW in float32, four elements at a time: in plain JavaScript the update of a small model takes a quarter of a training
 * step, and as onnxruntime's nodes as long.
 */
export class AdamWKernel {
  readonly #buffer: ArrayBuffer;
  readonly #exports: ReturnType<typeof instantiate>['exports'];
  readonly #slots: Readonly<Record<Slot, Float32Array>>;
  #next = SLOTS.length * CHUNK_BYTES;

  /** @param room elements that `array` is going to be asked for, in all */
  constructor(room: number, arrays: number) {
    const own = Math.min(MOST_ROOM_BYTES, 4 * (room + GROUP * arrays));
    const { buffer, exports } = instantiate([stepFunction(), squaresFunction()], this.#next + own);
    const slot = (index: number) => new Float32Array(buffer, index * CHUNK_BYTES, CHUNK);
    this.#slots = { values: slot(0), m: slot(1), v: slot(2), gradient: slot(3) };
    this.#buffer = buffer;
    this.#exports = exports;
  }

  /** An array of zeros; in the kernel's own memory while there is room. */
  array(length: number): Float32Array {
    // Whole groups: what lies beyond the end stays 0.
    const bytes = 4 * GROUP * Math.ceil(length / GROUP);
    if (this.#next + bytes > this.#buffer.byteLength) return new Float32Array(length);
    const array = new Float32Array(this.#buffer, this.#next, length);
    this.#next += bytes;
    return array;
  }

  /** Updates all elements of `values`, `m` and `v`. */
  step(arrays: StepArrays, { clip, keep, beta1, beta2, rate, epsilon }: StepFactors): void {
    for (let from = 0; from < arrays.values.length; from += CHUNK) {
      const to = Math.min(arrays.values.length, from + CHUNK);
      const places = SLOTS.map((slot) => this.#place(slot, arrays[slot], from, to));
      this.#exports['step']!(...places, 4 * (to - from), clip, keep, beta1, 1 - beta1, beta2, 1 - beta2, rate, epsilon);
      for (const slot of SLOTS.slice(0, 3)) {
        if (!this.#isOwn(arrays[slot])) arrays[slot].set(this.#slots[slot].subarray(0, to - from), from);
      }
    }
  }

  /** Sum of the squares of all elements, in float64. */
  squares(gradient: Float32Array): number {
    let sum = 0;
    for (let from = 0; from < gradient.length; from += CHUNK) {
      const to = Math.min(gradient.length, from + CHUNK);
      const place = this.#place('gradient', gradient, from, to);
      sum += this.#exports['squares']!(place, 4 * (to - from));
    }
    return sum;
  }

  /** Address of a part of an array, which is copied where the array lies elsewhere. */
  #place(slot: Slot, array: Float32Array, from: number, to: number): number {
    if (this.#isOwn(array)) return array.byteOffset + 4 * from;
    const copy = this.#slots[slot];
    copy.set(array.subarray(from, to));
    copy.fill(0, to - from, Math.min(CHUNK, to - from + GROUP));
    return copy.byteOffset;
  }

  #isOwn(array: Float32Array): boolean {
    return array.buffer === this.#buffer;
  }
}

function stepFunction(): WasmFunction {
  const [values, m, v, g, bytes] = [0, 1, 2, 3, 4];
  const firstFactor = bytes + 1;
  const end = firstFactor + FACTORS.length;
  const splats = end + 1;
  const factor = (name: (typeof FACTORS)[number]) => local.get(splats + FACTORS.indexOf(name));
  const [gradient, first, second] = [0, 1, 2].map((i) => splats + FACTORS.length + i) as [number, number, number];
  const load = (array: number) => [...local.get(array), ...v128.load(0)];
  const times = (a: readonly number[], b: readonly number[]) => [...a, ...b, ...f32x4.mul];
  const [grad, m1, v1] = [local.get(gradient), local.get(first), local.get(second)];
  return {
    name: 'step',
    parameters: [I32, I32, I32, I32, I32, ...FACTORS.map(() => F32 as typeof F32)],
    results: [],
    locals: [I32, ...FACTORS.map(() => V128 as typeof V128), V128, V128, V128],
    body: [
      ...FACTORS.flatMap((_, i) => [...local.get(firstFactor + i), ...f32x4.splat, ...local.set(splats + i)]),
      ...[...local.get(g), ...local.get(bytes), ...i32.add, ...local.set(end)],
      ...repeatWhile([
        ...[...times(load(g), factor('clip')), ...local.set(gradient)],
        // m·β₁ + g·(1 − β₁)
        ...local.get(m),
        ...[...times(load(m), factor('beta1')), ...times(grad, factor('one1')), ...f32x4.add, ...local.tee(first)],
        ...v128.store(0),
        // v·β₂ + g²·(1 − β₂)
        ...local.get(v),
        ...[...times(load(v), factor('beta2')), ...times(times(grad, grad), factor('one2'))],
        ...[...f32x4.add, ...local.tee(second), ...v128.store(0)],
        // values·keep − rate·m / (√v + ε)
        ...local.get(values),
        ...times(load(values), factor('keep')),
        ...[...times(m1, factor('rate')), ...v1, ...f32x4.sqrt, ...factor('epsilon'), ...f32x4.add, ...f32x4.div],
        ...[...f32x4.sub, ...v128.store(0)],
        ...[values, m, v].flatMap((array) => [...advance(array), ...local.set(array)]),
        ...[...advance(g), ...local.tee(g), ...local.get(end), ...i32.lessThan],
      ]),
    ],
  };
}

function squaresFunction(): WasmFunction {
  const [at, end, low, high, pair] = [0, 1, 2, 3, 4];
  const addSquare = (sum: number, offset: number) => [
    ...[...local.get(at), ...v128.loadLow(offset), ...f64x2.promoteLow, ...local.tee(pair)],
    ...[...local.get(pair), ...f64x2.mul, ...local.get(sum), ...f64x2.add, ...local.set(sum)],
  ];
  return {
    name: 'squares',
    parameters: [I32, I32],
    results: [F64],
    locals: [V128, V128, V128],
    body: [
      ...[...local.get(at), ...local.get(end), ...i32.add, ...local.set(end)],
      ...repeatWhile([
        ...[...addSquare(low, 0), ...addSquare(high, 8)],
        ...[...advance(at), ...local.tee(at), ...local.get(end), ...i32.lessThan],
      ]),
      ...[...local.get(low), ...local.get(high), ...f64x2.add, ...local.set(pair)],
      ...[...local.get(pair), ...f64x2.extract(0), ...local.get(pair), ...f64x2.extract(1), ...f64Add],
    ],
  };
}

/** The address of the next group of four. */
function advance(pointer: number): number[] {
  return [...local.get(pointer), ...i32.const(4 * GROUP), ...i32.add];
}
