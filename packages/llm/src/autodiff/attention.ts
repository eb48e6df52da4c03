import type { ModelConfig } from '../config/model-config.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { int64s } from '../onnx/tensor.ts';
import { softCap } from './activation-operations.ts';
import { maskedSoftmax } from './layer-operations.ts';
import { batchedMatMul, reshape, transpose } from './linear-operations.ts';
import type { Tape, Var } from './tape.ts';

/** Of a masked score: far below any other, but finite, so that no row of a softmax is empty. */
export const MASKED = -1e9;

export interface AttentionInputs {
  /** Query, key and value, already turned, [B, T, heads or kvHeads, headDim]. */
  readonly q: Var;
  readonly k: Var;
  readonly v: Var;
  /** Tensors that broadcast to [B, kvHeads, heads / kvHeads, T, T] and are added to the scores. */
  readonly masks: readonly string[];
}

/** Grouped-query attention of plain operators: [B · T, heads · headDim]. */
export function attend(
  tape: Tape,
  config: ModelConfig,
  { batch: B, tokens: T }: { batch: number; tokens: number },
  { q, k, v, masks }: AttentionInputs,
): Var {
  const { heads, kvHeads: KV, headDim: d, traits } = config;
  const G = heads / KV;
  // Query heads that share a key head stand below each other as rows, so keys and values need no repeating.
  const groups = transpose(tape, reshape(tape, q, [B, T, KV, G, d]), [0, 2, 3, 1, 4]);
  const rows = reshape(tape, groups, [B, KV, G * T, d]);
  const alpha = traits.attentionScale ?? 1 / Math.sqrt(d);
  let scores = batchedMatMul(tape, rows, transpose(tape, k, [0, 2, 1, 3]), { alpha, transB: true });
  if (traits.attentionCap !== null) scores = softCap(tape, scores, traits.attentionCap);
  const weights = maskedSoftmax(tape, reshape(tape, scores, [B, KV, G, T, T]), masks);
  const mixed = batchedMatMul(tape, reshape(tape, weights, [B, KV, G * T, T]), transpose(tape, v, [0, 2, 1, 3]), {
    alpha: 1,
    transB: false,
  });
  const joined = transpose(tape, reshape(tape, mixed, [B, KV, G, T, d]), [0, 3, 1, 2, 4]);
  return reshape(tape, joined, [B * T, heads * d]);
}

/**
 * [1, 1, 1, T, T]: MASKED where a token (column) lies before the window of another (row), else 0; to be added to a causal
 * mask. Made in the graph: T² is large.
 */
export function windowMask(graph: GraphBuilder, tokens: number, window: number): string {
  const positions = Array.from({ length: tokens }, (_, t) => t);
  const rows = graph.constant(int64s([1, 1, 1, tokens, 1], positions));
  const columns = graph.constant(int64s([1, 1, 1, 1, tokens], positions));
  const distance = graph.node('Sub', [rows, columns]);
  const tooFar = graph.node('GreaterOrEqual', [distance, graph.constant(int64s([], [window]))]);
  return graph.node('Where', [tooFar, graph.scalar(MASKED), graph.scalar(0)]);
}
