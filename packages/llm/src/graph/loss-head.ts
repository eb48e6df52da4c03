import type { ModelConfig } from '../config/model-config.ts';
import { embeddingName, headName } from '../config/tensors.ts';
import { int64s } from '../onnx/tensor.ts';
import { GraphBuilder } from './builder.ts';
import type { GraphWeights } from './graph-weights.ts';

/** Rows of hidden states whose logits exist at one time: bounds the memory of the head at LOSS_CHUNK × vocabulary. */
export const LOSS_CHUNK = 128;

/** Token losses [chunks, LOSS_CHUNK, 1] of `hidden` [rows, hiddenSize], chunk by chunk in a Scan. */
export function lossHead(
  graph: GraphBuilder,
  hidden: string,
  labels: string,
  config: ModelConfig,
  rows: number,
  weights: GraphWeights,
): string {
  const chunk = Math.min(LOSS_CHUNK, rows);
  if (rows % chunk !== 0) throw new RangeError(`${rows} rows are no multiple of ${chunk}`);
  const body = new GraphBuilder('head');
  const states = body.input('head/states', 'float32', [chunk, config.hiddenSize]);
  const wanted = body.input('head/labels', 'int64', [chunk, 1]);
  const head = weights.value(config.tied ? embeddingName(config) : headName(config));
  const product = body.node('Gemm', [states, head], { transB: 1 });
  const logits = capped(body, product, config.traits.logitCap);
  const zero = body.constant(int64s([], [0]));
  const picked = body.node('GatherElements', [logits, body.node('Max', [wanted, zero])], { axis: 1 });
  const ignored = body.node('Less', [wanted, zero]);
  const loss = crossEntropy(body, logits, picked, chunk, config.vocabularySize);
  const nll = body.node('Where', [ignored, body.scalar(0), loss], {}, 'head/nll');
  body.output(nll, 'float32', [chunk, 1]);
  const inputs = [
    graph.reshape(hidden, [rows / chunk, chunk, config.hiddenSize]),
    graph.reshape(labels, [rows / chunk, chunk, 1]),
  ];
  return graph.nodes('Scan', inputs, { num_scan_inputs: 2, body: body.graph() }, 1)[0]!;
}

/** Logits whose exponentials are added up as one. */
const BLOCK = 256;

/**
 * log Σ exp(logits) − picked, [chunk, 1]. The sum is made in blocks: in one float32 accumulator, as LogSoftmax has it,
 * each of the tens of thousands of unlikely tokens is below half a unit in the last place of the likely one and gets
 * lost, all on the same side (8e-6 of loss at 49,152 tokens).
 */
function crossEntropy(graph: GraphBuilder, logits: string, picked: string, chunk: number, vocabulary: number): string {
  const axis = graph.integers([-1]);
  const top = graph.node('ReduceMax', [logits, axis], { keepdims: 1 });
  let exponentials = graph.node('Exp', [graph.node('Sub', [logits, top])]);
  const blocks = Math.ceil(vocabulary / BLOCK);
  const missing = blocks * BLOCK - vocabulary;
  if (missing > 0) exponentials = graph.node('Pad', [exponentials, graph.integers([0, 0, 0, missing])]);
  const inBlocks = graph.reshape(exponentials, [chunk, blocks, BLOCK]);
  const sums = graph.node('ReduceSum', [inBlocks, axis], { keepdims: 0 });
  const total = graph.node('ReduceSum', [sums, axis], { keepdims: 1 });
  return graph.node('Add', [graph.node('Log', [total]), graph.node('Sub', [top, picked])]);
}

function capped(graph: GraphBuilder, logits: string, cap: number | null): string {
  if (cap === null) return logits;
  const squashed = graph.node('Tanh', [graph.node('Div', [logits, graph.scalar(cap)])]);
  return graph.node('Mul', [squashed, graph.scalar(cap)]);
}
