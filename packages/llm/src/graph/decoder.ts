import type { ModelConfig } from '../config/model-config.ts';
import { layerModules, tensorNames } from '../config/tensors.ts';
import { type LayerRole, layerTraits } from '../config/traits.ts';
import type { Operations } from './operations.ts';

type Modules = Partial<Record<LayerRole, string>>;

/**
 * The decoder of every family, written down once: the ids of the batch to the normalised hidden states [N, hiddenSize]
 * that the head reads. What a family does not have is absent from its tables.
 */
export function decode<V>(operations: Operations<V>, config: ModelConfig): V {
  const { traits } = config;
  const names = tensorNames(config);
  let residual = operations.embed(names.embedding);
  if (traits.embeddingScale !== 1) residual = operations.scale(residual, traits.embeddingScale);
  if (names.positions !== undefined) residual = operations.add(residual, operations.positions(names.positions));

  let delta: V | undefined;
  /** Adds the branch before to the residual, and normalises the sum. */
  const next = (module: string): V => {
    if (delta === undefined) return operations.norm(residual, module);
    const { normalised, sum } = operations.addAndNorm(residual, delta, module);
    residual = sum;
    return normalised;
  };
  const after = (branch: V, module: string | undefined): V =>
    module === undefined ? branch : operations.norm(branch, module);

  for (let layer = 0; layer < config.layers; layer++) {
    const modules = layerModules(config, layer);
    const mixed = attentionBranch(operations, config, layer, modules, next(modules.attentionNorm!));
    delta = after(mixed, modules.attentionPostNorm);
    if (traits.parallel) {
      const own = feedForward(operations, config, modules, operations.norm(residual, modules.mlpNorm!));
      delta = operations.add(own, delta);
    } else {
      delta = after(feedForward(operations, config, modules, next(modules.mlpNorm!)), modules.mlpPostNorm);
    }
  }
  return next(names.finalNorm);
}

function attentionBranch<V>(operations: Operations<V>, config: ModelConfig, layer: number, modules: Modules, x: V): V {
  let [q, k, v] = projections(operations, config, modules, x);
  if (modules.qNorm !== undefined) q = operations.headNorm(q, modules.qNorm, config.heads);
  if (modules.kNorm !== undefined) k = operations.headNorm(k, modules.kNorm, config.kvHeads);
  return operations.linear(operations.attention(q, k, v, layerTraits(config.traits, layer)), modules.o!);
}

function projections<V>(operations: Operations<V>, config: ModelConfig, modules: Modules, x: V): [V, V, V] {
  const { heads, kvHeads, headDim } = config;
  if (modules.qkv === undefined) {
    return [operations.linear(x, modules.q!), operations.linear(x, modules.k!), operations.linear(x, modules.v!)];
  }
  const all = operations.linear(x, modules.qkv);
  const byHead = tensorNames(config).qkvOrder === 'heads';
  const widths = byHead ? [headDim, headDim, headDim] : [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  return operations.split(all, widths, byHead ? heads : 1) as [V, V, V];
}

function feedForward<V>(operations: Operations<V>, config: ModelConfig, modules: Modules, x: V): V {
  const { intermediateSize: f } = config;
  let active: V;
  if (modules.gateUp !== undefined) {
    const [gate, up] = operations.split(operations.linear(x, modules.gateUp), [f, f], 1) as [V, V];
    active = operations.gated(gate, up);
  } else if (modules.gate !== undefined) {
    active = operations.gated(operations.linear(x, modules.gate), operations.linear(x, modules.up!));
  } else {
    active = operations.activate(operations.linear(x, modules.up!));
  }
  return operations.linear(active, modules.down!);
}
