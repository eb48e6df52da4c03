import type { ModelConfig } from '../config/model-config.ts';
import type { LayerTraits } from '../config/traits.ts';
import { floats } from '../onnx/tensor.ts';
import type { GraphBuilder } from './builder.ts';
import { type RotaryFrequencies, ropeTables } from './rope.ts';

export interface RotaryTables {
  readonly cos: string;
  readonly sin: string;
  /** Elements of each head that turn. */
  readonly dim: number;
}

/** The frequencies of a layer; undefined where it has no rotary positions. */
export function layerFrequencies(config: ModelConfig, { rope }: LayerTraits): RotaryFrequencies | undefined {
  const dim = config.traits.rotaryDim ?? config.headDim;
  if (rope === 'none' || dim === 0) return undefined;
  const local = rope === 'local' ? config.traits.localRope : null;
  return { dim, theta: local?.theta ?? config.ropeTheta, scaling: local ? local.scaling : config.ropeScaling };
}

/** Constants cos and sin of a graph, [tokens, dim / 2], one pair for each kind of layer. */
export function rotaryTablesOf(
  graph: GraphBuilder,
  config: ModelConfig,
  args: { tokens: number; rowTokens: number },
): (layer: LayerTraits) => RotaryTables | undefined {
  const made = new Map<LayerTraits['rope'], RotaryTables>();
  return (layer) => {
    const frequencies = layerFrequencies(config, layer);
    if (!frequencies) return undefined;
    let tables = made.get(layer.rope);
    if (!tables) {
      const { cos, sin } = ropeTables(frequencies, args.tokens, args.rowTokens);
      const dims = [args.tokens, frequencies.dim / 2];
      tables = { cos: graph.constant(floats(dims, cos)), sin: graph.constant(floats(dims, sin)), dim: frequencies.dim };
      made.set(layer.rope, tables);
    }
    return tables;
  };
}
