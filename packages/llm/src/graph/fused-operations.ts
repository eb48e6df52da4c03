import { rotary } from '../autodiff/layer-operations.ts';
import { Tape } from '../autodiff/tape.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { biasOf, tensorNames, weightOf } from '../config/tensors.ts';
import type { LayerTraits } from '../config/traits.ts';
import { float } from '../onnx/encode.ts';
import { int64s } from '../onnx/tensor.ts';
import { type AttentionShape, BlockAttention } from './block-attention.ts';
import type { GraphBuilder } from './builder.ts';
import type { GraphWeights } from './graph-weights.ts';
import { kernelAttention } from './kernel-attention.ts';
import type { Operations } from './operations.ts';
import { type RotaryTables, rotaryTablesOf } from './rotary-tables.ts';

/** Rows and tokens of a batch. */
export interface BatchShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens per row. */
  readonly tokens: number;
  /** Ids of its rows, where the frequencies depend on that (see `ropeRegime`); 0 or absent = short rows. */
  readonly rowTokens?: number;
}

/** `kernel`: GroupQueryAttention, which a GPU computes without the masked half, wherever it can express the model. */
export type AttentionMeans = 'blocks' | 'kernel';

/** The operations of a decoder on onnxruntime's fused kernels, for measuring. */
export class FusedOperations implements Operations<string> {
  readonly #graph: GraphBuilder;
  readonly #config: ModelConfig;
  readonly #shape: BatchShape;
  readonly #ids: string;
  readonly #weights: GraphWeights;
  readonly #tape: Tape;
  readonly #tables: ReturnType<typeof rotaryTablesOf>;
  readonly #attention: AttentionMeans;
  readonly #blocks: BlockAttention;

  /**
   * @param ids name of the int64 input [batch, tokens]
   */
  constructor(
    graph: GraphBuilder,
    config: ModelConfig,
    shape: BatchShape,
    inputs: { ids: string; weights: GraphWeights; attention: AttentionMeans },
  ) {
    this.#graph = graph;
    this.#config = config;
    this.#shape = shape;
    this.#ids = inputs.ids;
    this.#weights = inputs.weights;
    this.#tape = new Tape(graph);
    const { tokens, rowTokens = 0 } = shape;
    this.#tables = rotaryTablesOf(graph, config, { tokens, rowTokens });
    this.#attention = inputs.attention;
    this.#blocks = new BlockAttention(graph, this.#attentionShape);
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
   * In blocks; or on the kernel, which needs heads of a multiple of 8 elements, and turns them itself where a multiple of 16
   * of them turn.
   */
  attention(q: string, k: string, v: string, layer: LayerTraits): string {
    const { heads, kvHeads, headDim, traits } = this.#config;
    const scoring = {
      scale: traits.attentionScale ?? 1 / Math.sqrt(headDim),
      cap: traits.attentionCap,
      window: layer.window,
    };
    const tables = this.#tables(layer);
    const onKernel = this.#attention === 'kernel' && headDim % 8 === 0;
    if (onKernel && tables && tables.dim % 16 === 0) {
      return kernelAttention(this.#graph, this.#attentionShape, { q, k, v }, { ...scoring, tables });
    }
    const turned = { q: this.#turned(q, heads, tables), k: this.#turned(k, kvHeads, tables), v };
    if (onKernel) return kernelAttention(this.#graph, this.#attentionShape, turned, scoring);
    return this.#blocks.attend(turned, scoring);
  }

  activate(x: string): string {
    const { activation } = this.#config.traits;
    if (activation === 'silu') return this.#graph.node('com.microsoft.QuickGelu', [x], { alpha: float(1) });
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

  get #attentionShape(): AttentionShape {
    const { heads, kvHeads, headDim } = this.#config;
    return { batch: this.#shape.batch, tokens: this.#shape.tokens, heads, kvHeads, headDim };
  }

  #turned(x: string, heads: number, tables: RotaryTables | undefined): string {
    if (!tables) return x;
    const { batch, tokens } = this.#shape;
    const dims = [batch, tokens, heads, this.#config.headDim];
    return rotary(this.#tape, { name: this.#graph.reshape(x, dims), dims, needsGradient: false }, tables).name;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
