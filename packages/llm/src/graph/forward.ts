import type { Device, Precision } from '@tuning/protocol';
import type { ModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import type { FileTensor } from '../onnx/tensor.ts';
import { GraphBuilder } from './builder.ts';
import { decode } from './decoder.ts';
import { type BatchShape, FusedOperations } from './fused-operations.ts';
import { FedWeights, MappedWeights, StoredWeights } from './graph-weights.ts';
import { HalfBuilder } from './half-builder.ts';
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
 * @param precision of the decoder's matrix products and attention; inputs, output and the loss head are float32 always.
 * @param device what will run it. A float16 graph for the CPU is for tests: it emulates what a GPU rounds, and must be compiled
 * without optimisation.
 */
export function buildForward(
  config: ModelConfig,
  shape: BatchShape,
  files?: ReadonlyMap<string, FileTensor>,
  precision: Precision = 'float32',
  device: Device = 'cpu',
): Uint8Array {
  const { batch, tokens } = shape;
  const half = precision === 'float16';
  const graph = half ? new HalfBuilder('main', { emulated: device === 'cpu' }) : new GraphBuilder('main');
  const ids = graph.input('input_ids', 'int64', [batch, tokens]);
  const labels = graph.input('labels', 'int64', [batch, tokens]);
  const weights = files ? new MappedWeights(graph, files) : new FedWeights(graph, modelTensors(config));
  const ofDecoder = half && files ? new StoredWeights(graph, files) : weights;
  const inputs = { ids, weights: ofDecoder, attention: half ? ('kernel' as const) : ('blocks' as const) };
  const hidden = decode(new FusedOperations(graph, config, shape, inputs), config);
  const nll = lossHead(graph, hidden, labels, config, batch * tokens, weights);
  graph.output(graph.node('Reshape', [nll, graph.integers([batch, tokens])], {}, 'nll'), 'float32', [batch, tokens]);
  return graph.encode();
}
