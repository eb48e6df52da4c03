import type { ModelConfig } from '../config/model-config.ts';
import { EMBEDDING, FINAL_NORM, HEAD, layerTensors, modelTensors } from '../config/tensors.ts';
import { float } from '../onnx/encode.ts';
import { floats, int32s, int64s } from '../onnx/tensor.ts';
import { GraphBuilder } from './builder.ts';
import { ropeTables } from './rope.ts';

/** Rows of hidden states whose logits exist at one time: bounds the memory of the head at LOSS_CHUNK × vocabulary. */
export const LOSS_CHUNK = 128;

export interface BatchShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens per row. */
  readonly tokens: number;
}

/**
 * The serialised forward graph of one batch shape, on onnxruntime's fused kernels. Inputs: `input_ids` and `labels`
 * (int64 [batch, tokens]) and every weight as float32 under its Hugging Face name, so that one session serves all
 * submissions for a base. Output: `nll` float32 [batch, tokens], nats; 0 where the label is negative. `labels[t]` is the
 * token to be predicted AT t, that is already shifted. Causal attention, so right padding needs no mask.
 * batch × tokens must be a multiple of LOSS_CHUNK or below it.
 */
export function buildForward(config: ModelConfig, { batch, tokens }: BatchShape): Uint8Array {
  const graph = new GraphBuilder('main');
  const rows = batch * tokens;
  const ids = graph.input('input_ids', 'int64', [batch, tokens]);
  const labels = graph.input('labels', 'int64', [batch, tokens]);
  for (const [name, shape] of modelTensors(config)) graph.input(name, 'float32', shape);

  const epsilon = float(config.normEpsilon);
  const linear = (x: string, weight: string) => graph.node('Gemm', [x, weight], { transB: 1 });
  const attention = attentionOf(graph, config, { batch, tokens });
  /** Adds `delta` to the residual and normalises the sum: [normalised, sum]. */
  const addAndNormalise = (x: string, delta: string, weight: string): [string, string] => {
    const normalised = graph.fresh('norm');
    const sum = graph.fresh('residual');
    const op = 'com.microsoft.SkipSimplifiedLayerNormalization';
    graph.nodes(op, [x, delta, weight], { epsilon }, [normalised, '', '', sum]);
    return [normalised, sum];
  };

  let residual = graph.node('Gather', [EMBEDDING, graph.reshape(ids, [rows])], { axis: 0 });
  let delta: string | undefined;
  for (let layer = 0; layer < config.layers; layer++) {
    const names = layerTensors(layer);
    let normalised: string;
    if (delta === undefined) {
      const norm = { axis: -1, epsilon, stash_type: 1 };
      normalised = graph.node('SimplifiedLayerNormalization', [residual, names.inputNorm], norm);
    } else [normalised, residual] = addAndNormalise(residual, delta, names.inputNorm);
    const mixed = attention(linear(normalised, names.q), linear(normalised, names.k), linear(normalised, names.v));
    [normalised, residual] = addAndNormalise(residual, linear(mixed, names.o), names.postNorm);
    const gate = linear(normalised, names.gate);
    const silu = graph.node('Mul', [gate, graph.node('Sigmoid', [gate])]);
    delta = linear(graph.node('Mul', [silu, linear(normalised, names.up)]), names.down);
  }
  const [hidden] = addAndNormalise(residual, delta!, FINAL_NORM);
  const nll = lossHead(graph, hidden, labels, config, rows);
  graph.output(graph.node('Reshape', [nll, graph.integers([batch, tokens])], {}, 'nll'), 'float32', [batch, tokens]);
  return graph.encode();
}

/** Causal grouped-query attention with rotary embedding; in and out are [batch · tokens, heads · headDim]. */
function attentionOf(graph: GraphBuilder, config: ModelConfig, { batch, tokens }: BatchShape) {
  const { heads, kvHeads, headDim } = config;
  const tables = ropeTables(config, tokens);
  const cos = graph.constant(floats([tokens, headDim / 2], tables.cos));
  const sin = graph.constant(floats([tokens, headDim / 2], tables.sin));
  const lastPosition = graph.constant(int32s([batch], Array<number>(batch).fill(tokens - 1)));
  const total = graph.constant(int32s([], [tokens]));
  const attributes = {
    num_heads: heads,
    kv_num_heads: kvHeads,
    do_rotary: 1,
    rotary_interleaved: 0,
    scale: float(1 / Math.sqrt(headDim)),
  };
  return (q: string, k: string, v: string): string => {
    const inputs = [
      graph.reshape(q, [batch, tokens, heads * headDim]),
      graph.reshape(k, [batch, tokens, kvHeads * headDim]),
      graph.reshape(v, [batch, tokens, kvHeads * headDim]),
      '',
      '',
      lastPosition,
      total,
      cos,
      sin,
    ];
    const [mixed] = graph.nodes('com.microsoft.GroupQueryAttention', inputs, attributes, 3);
    return graph.reshape(mixed!, [batch * tokens, heads * headDim]);
  };
}

/** Token losses [chunks, LOSS_CHUNK, 1] of `hidden` [rows, hiddenSize], chunk by chunk in a Scan. */
function lossHead(graph: GraphBuilder, hidden: string, labels: string, config: ModelConfig, rows: number): string {
  const chunk = Math.min(LOSS_CHUNK, rows);
  if (rows % chunk !== 0) throw new RangeError(`${rows} rows are no multiple of ${chunk}`);
  const body = new GraphBuilder('head');
  const states = body.input('head/states', 'float32', [chunk, config.hiddenSize]);
  const wanted = body.input('head/labels', 'int64', [chunk, 1]);
  const logits = body.node('Gemm', [states, config.tied ? EMBEDDING : HEAD], { transB: 1 });
  const scores = body.node('LogSoftmax', [logits], { axis: -1 });
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
