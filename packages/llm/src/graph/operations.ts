import type { LayerTraits } from '../config/traits.ts';

/**
 * What a decoder is made of. V is a value inside a graph: a tensor name for measuring, a differentiable one for training.
 * Activations are [N, width] with N = rows · tokens; modules are named by their path and bring weight and bias.
 */
export interface Operations<V> {
  /** Rows of the embedding for the batch's ids. */
  embed(module: string): V;
  /** Rows of the learned positions 0, 1, 2, … of each row of the batch. */
  positions(module: string): V;
  add(a: V, b: V): V;
  scale(x: V, factor: number): V;
  /** The model's kind of norm, over the last axis. */
  norm(x: V, module: string): V;
  /** x + delta, and its norm. */
  addAndNorm(x: V, delta: V, module: string): { normalised: V; sum: V };
  /** The model's norm of each head by itself; the weight is [headDim]. */
  headNorm(x: V, module: string, heads: number): V;
  linear(x: V, module: string): V;
  /** Columns of x as parts of these widths; with `groups` > 1 each group of columns is split, and the parts joined again. */
  split(x: V, widths: readonly number[], groups: number): V[];
  /** Causal grouped-query attention with the layer's window and rotary positions: [N, heads · headDim]. */
  attention(q: V, k: V, v: V, layer: LayerTraits): V;
  activate(x: V): V;
  /** activation(gate) · up */
  gated(gate: V, up: V): V;
}
