import { MASKED } from '../autodiff/attention.ts';
import { float } from '../onnx/encode.ts';
import { floats, int64s } from '../onnx/tensor.ts';
import { GraphBuilder } from './builder.ts';

export interface AttentionShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens per row. */
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export interface Scoring {
  /** Factor of a score. */
  readonly scale: number;
  /** Scores s become cap · tanh(s / cap); null = as they are. */
  readonly cap: number | null;
  /** Tokens that a token looks at, itself among them; null = all before it. */
  readonly window: number | null;
}

/**
 * Queries of a block. Rows are padded to whole blocks, because the kernels add up in another order where there are fewer
 * columns than that: the products of heads of more than 128 elements below 128, and the softmax below 64. So a prefix has the
 * same bits in every bucket.
 */
const blockSize = (headDim: number): number => (headDim > 128 ? 128 : 64);

/** Where the keys of each block of queries lie, and how they are masked; the same for all layers of one window. */
interface Blocks {
  /** int64 [blocks, 1]: the keys [first, end) that a block is multiplied with. */
  readonly first: string;
  readonly end: string;
  /** float32 [size, widest]: 0 or MASKED by query and key, for the block with the most keys. The others' are its last columns. */
  readonly mask: string;
  /** int64 [blocks, 1]: the first of those columns. */
  readonly column: string;
}

/**
 * Causal grouped-query attention of plain operators: a Scan over blocks of queries, each with the keys up to its end only,
 * so that the scores of one block exist at a time. GroupQueryAttention on the CPU computes the masked half of the scores,
 * too, and writes those of all heads to memory before it reads them again.
 */
export class BlockAttention {
  readonly #graph: GraphBuilder;
  readonly #shape: AttentionShape;
  readonly #size: number;
  /** Tokens of a row with its padding. */
  readonly #padded: number;
  readonly #blocks = new Map<number | null, Blocks>();
  #next = 0;

  constructor(graph: GraphBuilder, shape: AttentionShape) {
    this.#graph = graph;
    this.#shape = shape;
    this.#size = blockSize(shape.headDim);
    this.#padded = Math.ceil(shape.tokens / this.#size) * this.#size;
  }

  /**
   * @param q turned queries, batch · tokens · heads · headDim elements in this order; k and v likewise with kvHeads
   * @returns [batch · tokens, heads · headDim]
   */
  attend({ q, k, v }: { q: string; k: string; v: string }, scoring: Scoring): string {
    const graph = this.#graph;
    const { batch: B, tokens: T, heads, kvHeads: KV, headDim: d } = this.#shape;
    const G = heads / KV;
    const size = this.#size;
    const count = this.#padded / size;
    // Query heads that share a key head stand below each other as rows, so keys and values need no repeating.
    const split = graph.reshape(this.#pad(q, heads), [B, count, size, KV, G, d]);
    const byBlock = graph.node('Transpose', [split], { perm: [1, 0, 3, 4, 2, 5] });
    const byHead = (x: string) => graph.node('Transpose', [this.#pad(x, KV)], { perm: [0, 2, 1, 3] });
    const outer = { keys: graph.wide(byHead(k)), values: graph.wide(byHead(v)) };
    const mixed = this.#blockByBlock(graph.reshape(byBlock, [count, B, KV, G * size, d]), outer, scoring);
    const parted = graph.reshape(mixed, [count, B, KV, G, size, d]);
    const rows = graph.node('Transpose', [parted], { perm: [1, 0, 4, 2, 3, 5] });
    if (this.#padded === T) return graph.reshape(rows, [B * T, heads * d]);
    const padded = graph.reshape(rows, [B, this.#padded, heads * d]);
    const own = [graph.integers([0]), graph.integers([T]), graph.integers([1])];
    return graph.reshape(graph.node('Slice', [padded, ...own]), [B * T, heads * d]);
  }

  /** x as [B, padded, heads, headDim], zeros behind its tokens. */
  #pad(x: string, heads: number): string {
    const { batch, tokens, headDim } = this.#shape;
    const split = this.#graph.reshape(x, [batch, tokens, heads, headDim]);
    if (this.#padded === tokens) return split;
    const pads = this.#graph.integers([0, 0, 0, 0, 0, this.#padded - tokens, 0, 0]);
    return this.#graph.node('Pad', [split, pads]);
  }

  /** Queries [blocks, B, KV, G · size, d] to their mixed values, of the same shape. */
  #blockByBlock(queries: string, outer: { keys: string; values: string }, scoring: Scoring): string {
    const graph = this.#graph;
    const { batch: B, heads, kvHeads: KV, headDim: d } = this.#shape;
    const dims = [B, KV, (heads / KV) * this.#size, d];
    const { first, end, column, mask } = this.#blocksOf(scoring.window);
    if (this.#padded === this.#size) {
      const mixed = this.#block(graph, { queries: graph.reshape(queries, dims), ...outer, mask }, scoring);
      return graph.reshape(mixed, [1, ...dims]);
    }
    const body = new GraphBuilder(`attention${this.#next++}`);
    const input = (name: string) => body.input(`${body.name}/${name}`, 'int64', [1]);
    const own = body.input(`${body.name}/queries`, 'float32', dims);
    const span = [input('first'), input('end'), body.integers([2])];
    const columns = [input('column'), body.integers([Number.MAX_SAFE_INTEGER]), body.integers([1])];
    const parts = {
      queries: own,
      keys: body.node('Slice', [outer.keys, ...span]),
      values: body.node('Slice', [outer.values, ...span]),
      mask: body.node('Slice', [mask, ...columns]),
    };
    body.output(this.#block(body, parts, scoring), 'float32', dims);
    const inputs = [queries, first, end, column];
    return graph.nodes('Scan', inputs, { num_scan_inputs: inputs.length, body: body.graph() }, 1)[0]!;
  }

  /** One block: queries [B, KV, G · size, d] with keys and values [B, KV, n, d] and a mask [size, n]. */
  #block(
    graph: GraphBuilder,
    { queries, keys, values, mask }: Record<'queries' | 'keys' | 'values' | 'mask', string>,
    { scale, cap }: Scoring,
  ): string {
    const { batch: B, heads, kvHeads: KV } = this.#shape;
    const G = heads / KV;
    // onnxruntime would draw a division by the cap into the product where it optimises, and only there.
    const attributes = { transB: 1, alpha: float(cap === null ? scale : scale / cap) };
    const product = graph.node('com.microsoft.FusedMatMul', [queries, keys], attributes);
    const capped = cap === null ? product : graph.node('Mul', [graph.node('Tanh', [product]), graph.scalar(cap)]);
    const scores = graph.node('Add', [graph.reshape(capped, [B, KV, G, this.#size, -1]), mask]);
    const weights = graph.reshape(graph.node('Softmax', [scores], { axis: -1 }), [B, KV, G * this.#size, -1]);
    return graph.node('MatMul', [weights, values]);
  }

  #blocksOf(window: number | null): Blocks {
    let blocks = this.#blocks.get(window);
    if (!blocks) {
      const starts = Array.from({ length: this.#padded / this.#size }, (_, block) => block * this.#size);
      const first = starts.map((start) => firstKey(start, this.#size, window));
      const widths = starts.map((start, block) => start + this.#size - first[block]!);
      const widest = Math.max(...widths);
      const perBlock = (values: number[]) => this.#graph.constant(int64s([values.length, 1], values));
      blocks = {
        first: perBlock(first),
        end: perBlock(starts.map((start) => start + this.#size)),
        column: perBlock(widths.map((width) => widest - width)),
        mask: this.#graph.constant(floats([this.#size, widest], maskOf(this.#size, widest, window))),
      };
      this.#blocks.set(window, blocks);
    }
    return blocks;
  }
}

/** First key of a block of queries: by whole blocks, so that a row's sums begin at the same token in every bucket. */
function firstKey(start: number, size: number, window: number | null): number {
  if (window === null) return 0;
  return Math.floor(Math.max(0, start - window + 1) / size) * size;
}

/** [size, widest]: the last `size` columns are the block's own tokens. */
function maskOf(size: number, widest: number, window: number | null): Float32Array {
  const mask = new Float32Array(size * widest);
  for (let row = 0; row < size; row++) {
    const line = mask.subarray(row * widest, (row + 1) * widest);
    const own = widest - size + row;
    line.fill(MASKED, own + 1);
    if (window !== null) line.fill(MASKED, 0, Math.max(0, own - window + 1));
  }
  return mask;
}
