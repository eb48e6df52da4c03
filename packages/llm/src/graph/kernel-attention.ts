import { float } from '../onnx/encode.ts';
import { int32s } from '../onnx/tensor.ts';
import type { AttentionShape, Scoring } from './block-attention.ts';
import type { GraphBuilder } from './builder.ts';

/**
 * Causal attention by onnxruntime's GroupQueryAttention (heads of a multiple of 8 elements), which turns queries and keys
 * itself where tables are given (a multiple of 16 elements then).
 * @param q batch · tokens · heads · headDim elements in this order; k and v likewise with kvHeads
 * @returns [batch · tokens, heads · headDim]
 */
export function kernelAttention(
  graph: GraphBuilder,
  { batch, tokens, heads, kvHeads, headDim }: AttentionShape,
  { q, k, v }: { q: string; k: string; v: string },
  { scale, cap, window, tables }: Scoring & { tables?: { cos: string; sin: string } },
): string {
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
    scale: float(scale),
    // The window counts the token itself, as in transformers.
    ...(window === null ? {} : { local_window_size: window }),
    ...(cap === null ? {} : { softcap: float(cap) }),
  };
  const [mixed] = graph.nodes('com.microsoft.GroupQueryAttention', inputs, attributes, 3);
  return graph.reshape(mixed!, [batch * tokens, heads * headDim]);
}
