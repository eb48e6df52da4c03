import type { ModelConfig } from '../config/model-config.ts';
import { biasOf, tensorNames, weightOf } from '../config/tensors.ts';
import type { LayerTraits } from '../config/traits.ts';
import type { Operations } from '../graph/operations.ts';
import { rotaryTablesOf } from '../graph/rotary-tables.ts';
import { int64s } from '../onnx/tensor.ts';
import { activate, multiply, swiGlu } from './activation-operations.ts';
import { attend, windowMask } from './attention.ts';
import { embedding, fixedRows, rotary } from './layer-operations.ts';
import { add, linear, multiplyBy, reshape, splitLast } from './linear-operations.ts';
import { layerNorm, rmsNorm } from './norm-operations.ts';
import type { Tape, Var } from './tape.ts';

export interface TapedInputs {
  /** int64 [N] */
  readonly ids: string;
  /** float32, broadcasts to [B, 1, 1, T, T]: the causal mask, and that of packed rows. */
  readonly mask: string;
  /** Weights by name. */
  readonly weight: (name: string) => Var | undefined;
  /** Adds what an adapter on this weight makes of x to y; identity without one. */
  readonly adapt: (x: Var, weight: Var, y: Var) => Var;
}

/** The operations of a decoder of plain, differentiable operators. */
export class TapedOperations implements Operations<Var> {
  readonly #tape: Tape;
  readonly #config: ModelConfig;
  readonly #batch: number;
  readonly #tokens: number;
  readonly #inputs: TapedInputs;
  readonly #tables: ReturnType<typeof rotaryTablesOf>;
  readonly #windows = new Map<number, string>();

  constructor(tape: Tape, config: ModelConfig, shape: { batch: number; tokens: number }, inputs: TapedInputs) {
    this.#tape = tape;
    this.#config = config;
    this.#batch = shape.batch;
    this.#tokens = shape.tokens;
    this.#inputs = inputs;
    this.#tables = rotaryTablesOf(tape.graph, config, {
      tokens: shape.tokens,
      rowTokens: shape.tokens,
    });
  }

  embed(module: string): Var {
    return embedding(this.#tape, this.#weight(module), this.#inputs.ids, this.#batch * this.#tokens);
  }

  positions(module: string): Var {
    const ids = Array.from({ length: this.#batch * this.#tokens }, (_, at) => at % this.#tokens);
    const constant = this.#tape.graph.constant(int64s([ids.length], ids));
    return fixedRows(this.#tape, this.#weight(module), constant, ids.length);
  }

  add(a: Var, b: Var): Var {
    return add(this.#tape, a, b);
  }

  scale(x: Var, factor: number): Var {
    return multiplyBy(this.#tape, x, this.#tape.graph.scalar(factor));
  }

  norm(x: Var, module: string): Var {
    const { traits, normEpsilon: epsilon } = this.#config;
    const weight = this.#weight(module);
    if (traits.norm === 'layer') return layerNorm(this.#tape, x, weight, this.#bias(module)!, epsilon);
    return rmsNorm(this.#tape, x, weight, { epsilon, plusOne: traits.norm === 'rms-plus-one' });
  }

  addAndNorm(x: Var, delta: Var, module: string): { normalised: Var; sum: Var } {
    const sum = this.add(x, delta);
    return { normalised: this.norm(sum, module), sum };
  }

  headNorm(x: Var, module: string, heads: number): Var {
    const byHead = reshape(this.#tape, x, [x.dims[0]! * heads, this.#config.headDim]);
    return reshape(this.#tape, this.norm(byHead, module), x.dims);
  }

  linear(x: Var, module: string): Var {
    const weight = this.#weight(module);
    const { transposed } = tensorNames(this.#config);
    const y = linear(this.#tape, x, weight, { bias: this.#bias(module), transposed });
    return this.#inputs.adapt(x, weight, y);
  }

  split(x: Var, widths: readonly number[], groups: number): Var[] {
    if (groups === 1) return splitLast(this.#tape, x, widths);
    const [rows, columns] = x.dims as [number, number];
    const grouped = reshape(this.#tape, x, [rows, groups, columns / groups]);
    const parts = splitLast(this.#tape, grouped, widths);
    return parts.map((part, i) => reshape(this.#tape, part, [rows, groups * widths[i]!]));
  }

  attention(q: Var, k: Var, v: Var, layer: LayerTraits): Var {
    const { heads, kvHeads, headDim } = this.#config;
    const shape = { batch: this.#batch, tokens: this.#tokens };
    const tables = this.#tables(layer);
    const split = (x: Var, count: number) => reshape(this.#tape, x, [shape.batch, shape.tokens, count, headDim]);
    const turned = (x: Var, count: number) => {
      const byHead = split(x, count);
      return tables ? rotary(this.#tape, byHead, tables) : byHead;
    };
    // A window that no token reaches beyond needs no mask.
    const near = layer.window !== null && layer.window < this.#tokens ? [this.#window(layer.window)] : [];
    return attend(this.#tape, this.#config, shape, {
      q: turned(q, heads),
      k: turned(k, kvHeads),
      v: split(v, kvHeads),
      masks: [this.#inputs.mask, ...near],
    });
  }

  activate(x: Var): Var {
    return activate(this.#tape, x, this.#config.traits.activation);
  }

  gated(gate: Var, up: Var): Var {
    if (this.#config.traits.activation === 'silu') return swiGlu(this.#tape, gate, up);
    return multiply(this.#tape, this.activate(gate), up);
  }

  #weight(module: string): Var {
    const weight = this.#inputs.weight(weightOf(module));
    if (!weight) throw new RangeError(`the model has no weight ${weightOf(module)}`);
    return weight;
  }

  #bias(module: string): Var | undefined {
    return this.#inputs.weight(biasOf(module));
  }

  #window(window: number): string {
    let mask = this.#windows.get(window);
    if (mask === undefined) {
      mask = windowMask(this.#tape.graph, this.#tokens, window);
      this.#windows.set(window, mask);
    }
    return mask;
  }
}
