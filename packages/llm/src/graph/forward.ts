import type { ModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import type { FileTensor } from '../onnx/tensor.ts';
import { GraphBuilder } from './builder.ts';
import { decode } from './decoder.ts';
import { type BatchShape, FusedOperations } from './fused-operations.ts';
import { FedWeights, MappedWeights } from './graph-weights.ts';
import { lossHead } from './loss-head.ts';

export type { BatchShape } from './fused-operations.ts';
export { LOSS_CHUNK } from './loss-head.ts';

/**
 * The serialised forward graph of one batch shape, on onnxruntime's fused kernels. Inputs: `input_ids` and `labels`
 * (int64 [batch, tokens]) and every weight as float32 under its Hugging Face name, so that one session serves all
 * submissions for a base. Output: `nll` float32 [batch, tokens], nats; 0 where the label is negative. `labels[t]` is the
 * token to be predicted AT t, that is already shifted. Causal attention, so right padding needs no mask.
 * batch × tokens must be a multiple of LOSS_CHUNK or below it.
 * @param files where each weight lies; given, the weights are no inputs but constants that onnxruntime maps.
 */
export function buildForward(
  config: ModelConfig,
  shape: BatchShape,
  files?: ReadonlyMap<string, FileTensor>,
): Uint8Array {
  const { batch, tokens } = shape;
  const graph = new GraphBuilder('main');
  const ids = graph.input('input_ids', 'int64', [batch, tokens]);
  const labels = graph.input('labels', 'int64', [batch, tokens]);
  const weights = files ? new MappedWeights(graph, files) : new FedWeights(graph, modelTensors(config));
  const hidden = decode(new FusedOperations(graph, config, shape, { ids, weights }), config);
  const nll = lossHead(graph, hidden, labels, config, batch * tokens, weights);
  graph.output(graph.node('Reshape', [nll, graph.integers([batch, tokens])], {}, 'nll'), 'float32', [batch, tokens]);
  return graph.encode();
}
