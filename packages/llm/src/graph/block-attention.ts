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
 * Queries of a block, and tokens of the smallest bucket. onnxruntime's matrix product adds up heads of more than 128 elements
 * in other blocks when it has only 64 columns: so those have 128, and a prefix has the same bits in every bucket.
 */
export const blockSize = (headDim: number): number => (headDim > 128 ? 128 : 64);

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
  readonly #blocks = new Map<number | null, Blocks>();
  #next = 0;

  /** For rows of a multiple of `blockSize` tokens, or of fewer. */
  constructor(graph: GraphBuilder, shape: AttentionShape) {
    this.#graph = graph;
    this.#shape = shape;
    this.#size = Math.min(shape.tokens, blockSize(shape.headDim));
    if (shape.tokens % this.#size !== 0) {
      throw new RangeError(`${shape.tokens} tokens cannot be cut into blocks of ${this.#size}`);
    }
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
    // Query heads that share a key head stand below each other as rows, so keys and values need no repeating.
    const split = graph.reshape(q, [B, T / size, size, KV, G, d]);
    const queries = graph.node('Transpose', [split], { perm: [1, 0, 3, 4, 2, 5] });
    const byHead = (x: string) => graph.node('Transpose', [graph.reshape(x, [B, T, KV, d])], { perm: [0, 2, 1, 3] });
    const { first, end, column, mask } = this.#blocksOf(scoring.window);
    const inputs = [graph.reshape(queries, [T / size, B, KV, G * size, d]), first, end, column];
    const body = this.#body({ keys: graph.wide(byHead(k)), values: graph.wide(byHead(v)), mask }, scoring);
    const [mixed] = graph.nodes('Scan', inputs, { num_scan_inputs: inputs.length, body: body.graph() }, 1);
    const parted = graph.reshape(mixed!, [T / size, B, KV, G, size, d]);
    return graph.reshape(graph.node('Transpose', [parted], { perm: [1, 0, 4, 2, 3, 5] }), [B * T, heads * d]);
  }

  /** One block: its queries [B, KV, G · size, d] to their mixed values, of the same shape. */
  #body(outer: { keys: string; values: string; mask: string }, { scale, cap }: Scoring): GraphBuilder {
    const { batch: B, heads, kvHeads: KV, headDim: d } = this.#shape;
    const size = this.#size;
    const G = heads / KV;
    const body = new GraphBuilder(`attention${this.#next++}`);
    const input = (name: string) => body.input(`${body.name}/${name}`, 'int64', [1]);
    const queries = body.input(`${body.name}/queries`, 'float32', [B, KV, G * size, d]);
    const [first, end, column] = [input('first'), input('end'), input('column')];
    const keys = body.node('Slice', [outer.keys, first, end, body.integers([2])]);
    const values = body.node('Slice', [outer.values, first, end, body.integers([2])]);
    const last = body.integers([Number.MAX_SAFE_INTEGER]);
    const mask = body.node('Slice', [outer.mask, column, last, body.integers([1])]);
    // onnxruntime would draw a division by the cap into the product where it optimises, and only there.
    const attributes = { transB: 1, alpha: float(cap === null ? scale : scale / cap) };
    const product = body.node('com.microsoft.FusedMatMul', [queries, keys], attributes);
    const capped = cap === null ? product : body.node('Mul', [body.node('Tanh', [product]), body.scalar(cap)]);
    const scores = body.node('Add', [body.reshape(capped, [B, KV, G, size, -1]), mask]);
    const weights = body.reshape(body.node('Softmax', [scores], { axis: -1 }), [B, KV, G * size, -1]);
    body.output(body.node('MatMul', [weights, values]), 'float32', [B, KV, G * size, d]);
    return body;
  }

  #blocksOf(window: number | null): Blocks {
    let blocks = this.#blocks.get(window);
    if (!blocks) {
      const starts = Array.from({ length: this.#shape.tokens / this.#size }, (_, block) => block * this.#size);
      const first = starts.map((start) => firstKey(start, this.#size, window));
      const widest = Math.max(...starts.map((start, block) => start + this.#size - first[block]!));
      const perBlock = (values: number[]) => this.#graph.constant(int64s([values.length, 1], values));
      blocks = {
        first: perBlock(first),
        end: perBlock(starts.map((start) => start + this.#size)),
        column: perBlock(starts.map((start, block) => widest - (start + this.#size - first[block]!))),
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
