import { type Attribute, MICROSOFT_DOMAIN, type Node } from '../onnx/encode.ts';
import { ELEMENT_TYPES, type ElementType, type FileTensor } from '../onnx/tensor.ts';
import { GraphBuilder } from './builder.ts';

type Floating = 'float32' | 'float16' | 'bfloat16';

/** Which inputs of an operation are computed in float16; its outputs are float16 then. */
const IN_HALF: ReadonlyMap<string, (input: number) => boolean> = new Map([
  ['Gemm', () => true],
  // Inputs 5 and 6 are lengths (int32).
  [`${MICROSOFT_DOMAIN}.GroupQueryAttention`, (input: number) => input !== 5 && input !== 6],
]);

/** Operations that move numbers without computing: their output has the type of their first input. */
const MOVING: ReadonlySet<string> = new Set([
  'Identity',
  'Reshape',
  'Transpose',
  'Split',
  'Slice',
  'Gather',
  'Expand',
  'Squeeze',
  'Unsqueeze',
]);

/**
 * A graph whose matrix products and attention are computed in float16, and everything else in float32: embedding, residual
 * stream, norms, rotary tables of their own, activations. Operations are written as for float32; casts come to be where a
 * number is needed in another type, at most one for each tensor and type.
 *
 * Why so: products and attention are nearly all of the work and what tensor cores are made for, and their inputs need no more
 * than 11 bits. A residual stream in float16 may overflow (Gemma's is known for it) and loses small branches. Plain
 * operators of attention stay float32: they would round scores, which the fused kernel never does. What a product itself cannot
 * hold becomes infinite, and the row's losses NaN: see `createHalfMeasurer`.
 */
export class HalfBuilder extends GraphBuilder {
  /** Tensors that are not float32. */
  readonly #types = new Map<string, Floating>();
  /** Weights: what is made of them is made where it is used. */
  readonly #weights = new Set<string>();
  readonly #casts = new Map<string, string>();
  readonly #emulated: boolean;

  /**
   * @param emulated for the CPU provider, which computes products of float16 in float32 and leaves out the rounding before and
   * after them: keeps it, so that the numbers are those of float16 (without optimisation, which would remove it again).
   */
  constructor(name: string, { emulated = false } = {}) {
    super(name);
    this.#emulated = emulated;
  }

  override input(name: string, type: ElementType, dims: readonly number[]): string {
    this.#weights.add(name);
    return super.input(name, type, dims);
  }

  override fromFile(name: string, value: FileTensor): string {
    if (value.type === 'float16' || value.type === 'bfloat16') this.#types.set(name, value.type);
    this.#weights.add(name);
    return super.fromFile(name, value);
  }

  override nodes(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: number | readonly string[],
    into?: Node[],
  ): string[] {
    const inHalf = IN_HALF.get(op);
    if (inHalf) {
      const halves = inputs.map((name, input) => (inHalf(input) ? this.#as('float16', name) : name));
      const results = this.#typed('float16', super.nodes(op, halves, attributes, outputs, into));
      return this.#emulated && op === 'Gemm' ? results.map((name) => this.node('Identity', [name])) : results;
    }
    if (op === 'Cast') return super.nodes(op, inputs, attributes, outputs, into);
    const first = this.#types.get(inputs[0]!);
    if (first !== undefined && MOVING.has(op)) {
      return this.#typed(first, super.nodes(op, inputs, attributes, outputs, into));
    }
    const wide = inputs.map((name) => (this.#types.has(name) ? this.#as('float32', name) : name));
    return super.nodes(op, wide, attributes, outputs, into);
  }

  override wide(value: string): string {
    return this.#as('float32', value);
  }

  #typed(type: Floating, names: string[]): string[] {
    for (const name of names) this.#types.set(name, type);
    return names;
  }

  #as(type: 'float32' | 'float16', name: string): string {
    if (name === '' || (this.#types.get(name) ?? 'float32') === type) return name;
    const key = `${type} ${name}`;
    let cast = this.#casts.get(key);
    if (cast === undefined) {
      const add = (op: string, input: string, attributes: Readonly<Record<string, Attribute>>) =>
        this.#weights.has(name) ? this.justInTime(op, [input], attributes) : this.node(op, [input], attributes);
      cast = add('Cast', name, { to: ELEMENT_TYPES[type] });
      if (type === 'float16') {
        this.#types.set(cast, type);
        if (this.#emulated) cast = add('Identity', cast, {});
      }
      this.#casts.set(key, cast);
    }
    return cast;
  }
}
