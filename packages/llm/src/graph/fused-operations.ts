import { attend, causalMask } from '../autodiff/attention.ts';
import { rotary } from '../autodiff/layer-operations.ts';
import { Tape, type Var } from '../autodiff/tape.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { biasOf, tensorNames, weightOf } from '../config/tensors.ts';
import type { LayerTraits } from '../config/traits.ts';
import { float } from '../onnx/encode.ts';
import { int32s, int64s } from '../onnx/tensor.ts';
import type { GraphBuilder } from './builder.ts';
import type { GraphWeights } from './graph-weights.ts';
import type { Operations } from './operations.ts';
import { rotaryTablesOf } from './rotary-tables.ts';

/** Rows and tokens of a batch. */
export interface BatchShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens per row. */
  readonly tokens: number;
  /** Ids of its rows, where the frequencies depend on that (see `ropeRegime`); 0 or absent = short rows. */
  readonly rowTokens?: number;
}

/**
 * The operations of a decoder on onnxruntime's fused kernels, for measuring. Where the kernels cannot express a model
 * (see `attention`), plain operators take their place.
 */
export class FusedOperations implements Operations<string> {
  readonly #graph: GraphBuilder;
  readonly #config: ModelConfig;
  readonly #shape: BatchShape;
  readonly #ids: string;
  readonly #weights: GraphWeights;
  readonly #tape: Tape;
  readonly #tables: ReturnType<typeof rotaryTablesOf>;
  readonly #masks = new Map<number | null, string>();

  /**
   * @param ids name of the int64 input [batch, tokens]
   */
  constructor(
    graph: GraphBuilder,
    config: ModelConfig,
    shape: BatchShape,
    inputs: { ids: string; weights: GraphWeights },
  ) {
    this.#graph = graph;
    this.#config = config;
    this.#shape = shape;
    this.#ids = inputs.ids;
    this.#weights = inputs.weights;
    this.#tape = new Tape(graph);
    const { tokens, rowTokens = 0 } = shape;
    this.#tables = rotaryTablesOf(graph, config, { tokens, rowTokens });
  }

  get #rows(): number {
    return this.#shape.batch * this.#shape.tokens;
  }

  embed(module: string): string {
    return this.#weights.rows(weightOf(module), this.#graph.reshape(this.#ids, [this.#rows]));
  }

  positions(module: string): string {
    const { batch, tokens } = this.#shape;
    // Padding may lie beyond the last position; its losses are not used.
    const last = this.#config.maxPositions - 1;
    const ids = Array.from({ length: batch * tokens }, (_, at) => Math.min(at % tokens, last));
    return this.#weights.rows(weightOf(module), this.#graph.constant(int64s([ids.length], ids)));
  }

  add(a: string, b: string): string {
    return this.#graph.node('Add', [a, b]);
  }

  scale(x: string, factor: number): string {
    return this.#graph.node('Mul', [x, this.#graph.scalar(factor)]);
  }

  norm(x: string, module: string): string {
    const epsilon = float(this.#config.normEpsilon);
    if (this.#config.traits.norm === 'layer') {
      const inputs = [x, this.#weights.value(weightOf(module)), this.#weights.value(biasOf(module))];
      return this.#graph.node('LayerNormalization', inputs, { axis: -1, epsilon });
    }
    const attributes = { axis: -1, epsilon, stash_type: 1 };
    return this.#graph.node('SimplifiedLayerNormalization', [x, this.#normWeight(module)], attributes);
  }

  addAndNorm(x: string, delta: string, module: string): { normalised: string; sum: string } {
    if (this.#config.traits.norm === 'layer') {
      const sum = this.add(x, delta);
      return { normalised: this.norm(sum, module), sum };
    }
    const normalised = this.#graph.fresh('norm');
    const sum = this.#graph.fresh('residual');
    const op = 'com.microsoft.SkipSimplifiedLayerNormalization';
    const epsilon = float(this.#config.normEpsilon);
    this.#graph.nodes(op, [x, delta, this.#normWeight(module)], { epsilon }, [normalised, '', '', sum]);
    return { normalised, sum };
  }

  headNorm(x: string, module: string, heads: number): string {
    const { headDim } = this.#config;
    const byHead = this.#graph.reshape(x, [this.#rows * heads, headDim]);
    return this.#graph.reshape(this.norm(byHead, module), [this.#rows, heads * headDim]);
  }

  linear(x: string, module: string): string {
    const inputs = [x, this.#weights.value(weightOf(module))];
    if (this.#weights.has(biasOf(module))) inputs.push(this.#weights.value(biasOf(module)));
    return this.#graph.node('Gemm', inputs, { transB: tensorNames(this.#config).transposed ? 0 : 1 });
  }

  split(x: string, widths: readonly number[], groups: number): string[] {
    const grouped = groups === 1 ? x : this.#graph.reshape(x, [this.#rows, groups, sum(widths)]);
    const parts = this.#graph.nodes('Split', [grouped, this.#graph.integers(widths)], { axis: -1 }, widths.length);
    if (groups === 1) return parts;
    return parts.map((part, i) => this.#graph.reshape(part, [this.#rows, groups * widths[i]!]));
  }

  /**
   * On GroupQueryAttention, which needs heads of a multiple of 8 elements, and turns them itself where a multiple of 16
   * of them turn. Otherwise rotation, or rotation and attention, are made of plain operators.
   */
  attention(q: string, k: string, v: string, layer: LayerTraits): string {
    const { headDim } = this.#config;
    const rotaryDim = this.#config.traits.rotaryDim ?? headDim;
    if (headDim % 8 !== 0) return this.#plainAttention(q, k, v, layer);
    if (rotaryDim % 16 === 0) return this.#fusedAttention(q, k, v, layer, this.#tables(layer));
    const { heads, kvHeads } = this.#config;
    return this.#fusedAttention(this.#turned(q, heads, layer).name, this.#turned(k, kvHeads, layer).name, v, layer);
  }

  activate(x: string): string {
    const { activation } = this.#config.traits;
    if (activation === 'silu') return this.#graph.node('Mul', [x, this.#graph.node('Sigmoid', [x])]);
    return this.#graph.node('Gelu', [x], { approximate: activation === 'gelu' ? 'none' : 'tanh' });
  }

  gated(gate: string, up: string): string {
    return this.#graph.node('Mul', [this.activate(gate), up]);
  }

  #normWeight(module: string): string {
    const weight = this.#weights.value(weightOf(module));
    if (this.#config.traits.norm !== 'rms-plus-one') return weight;
    return this.#graph.node('Add', [weight, this.#graph.scalar(1)]);
  }

  #fusedAttention(
    q: string,
    k: string,
    v: string,
    { window }: LayerTraits,
    tables?: { cos: string; sin: string },
  ): string {
    const graph = this.#graph;
    const { batch, tokens } = this.#shape;
    const { heads, kvHeads, headDim, traits } = this.#config;
    const split = (x: string, count: number) => graph.reshape(x, [batch, tokens, count * headDim]);
    const inputs = [split(q, heads), split(k, kvHeads), split(v, kvHeads), '', ''];
    inputs.push(graph.constant(int32s([batch], Array<number>(batch).fill(tokens - 1))));
    inputs.push(graph.constant(int32s([], [tokens])));
    if (tables) inputs.push(tables.cos, tables.sin);
    const attributes = {
      num_heads: heads,
      kv_num_heads: kvHeads,
      do_rotary: tables ? 1 : 0,
      rotary_interleaved: 0,
      scale: float(traits.attentionScale ?? 1 / Math.sqrt(headDim)),
      // The window counts the token itself, as in transformers.
      ...(window === null ? {} : { local_window_size: window }),
      ...(traits.attentionCap === null ? {} : { softcap: float(traits.attentionCap) }),
    };
    const [mixed] = graph.nodes('com.microsoft.GroupQueryAttention', inputs, attributes, 3);
    return graph.reshape(mixed!, [this.#rows, heads * headDim]);
  }

  #plainAttention(q: string, k: string, v: string, layer: LayerTraits): string {
    const { heads, kvHeads } = this.#config;
    const { batch, tokens } = this.#shape;
    let mask = this.#masks.get(layer.window);
    if (mask === undefined) {
      mask = causalMask(this.#graph, tokens, layer.window);
      this.#masks.set(layer.window, mask);
    }
    const parts = {
      q: this.#turned(q, heads, layer),
      k: this.#turned(k, kvHeads, layer),
      v: this.#heads(v, kvHeads),
    };
    return attend(this.#tape, this.#config, { batch, tokens }, { ...parts, masks: [mask] }).name;
  }

  #heads(x: string, heads: number): Var {
    const { batch, tokens } = this.#shape;
    const dims = [batch, tokens, heads, this.#config.headDim];
    return { name: this.#graph.reshape(x, dims), dims, needsGradient: false };
  }

  #turned(x: string, heads: number, layer: LayerTraits): Var {
    const tables = this.#tables(layer);
    const split = this.#heads(x, heads);
    return tables ? rotary(this.#tape, split, tables) : split;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
