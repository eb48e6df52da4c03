import type { ModelConfig } from '../config/model-config.ts';
import { embeddingName, headName } from '../config/tensors.ts';
import { int64s } from '../onnx/tensor.ts';
import { GraphBuilder } from './builder.ts';

/** Rows of hidden states whose logits exist at one time: bounds the memory of the head at LOSS_CHUNK × vocabulary. */
export const LOSS_CHUNK = 128;

/** Token losses [chunks, LOSS_CHUNK, 1] of `hidden` [rows, hiddenSize], chunk by chunk in a Scan. */
export function lossHead(
  graph: GraphBuilder,
  hidden: string,
  labels: string,
  config: ModelConfig,
  rows: number,
): string {
  const chunk = Math.min(LOSS_CHUNK, rows);
  if (rows % chunk !== 0) throw new RangeError(`${rows} rows are no multiple of ${chunk}`);
  const body = new GraphBuilder('head');
  const states = body.input('head/states', 'float32', [chunk, config.hiddenSize]);
  const wanted = body.input('head/labels', 'int64', [chunk, 1]);
  const logits = body.node('Gemm', [states, config.tied ? embeddingName(config) : headName(config)], { transB: 1 });
  const scores = body.node('LogSoftmax', [capped(body, logits, config.traits.logitCap)], { axis: -1 });
  const zero = body.constant(int64s([], [0]));
  const picked = body.node('GatherElements', [scores, body.node('Max', [wanted, zero])], { axis: 1 });
  const ignored = body.node('Less', [wanted, zero]);
  const nll = body.node('Where', [ignored, body.scalar(0), body.node('Neg', [picked])], {}, 'head/nll');
  body.output(nll, 'float32', [chunk, 1]);
  const inputs = [
    graph.reshape(hidden, [rows / chunk, chunk, config.hiddenSize]),
    graph.reshape(labels, [rows / chunk, chunk, 1]),
  ];
  return graph.nodes('Scan', inputs, { num_scan_inputs: 2, body: body.graph() }, 1)[0]!;
}

function capped(graph: GraphBuilder, logits: string, cap: number | null): string {
  if (cap === null) return logits;
  const squashed = graph.node('Tanh', [graph.node('Div', [logits, graph.scalar(cap)])]);
  return graph.node('Mul', [squashed, graph.scalar(cap)]);
}
