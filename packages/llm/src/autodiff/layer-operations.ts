import type { Tape, Var } from './tape.ts';

/**
 * Rows of W [V, D] for the batch's ids (int64 [N]): [N, D]. Their gradients are added to W's by the caller of the graph:
 * ScatterElements would copy all of W's gradient first.
 */
export function embedding(tape: Tape, weight: Var, ids: string, count: number): Var {
  const name = tape.graph.node('Gather', [weight.name, ids], { axis: 0 });
  return tape.record(name, [count, weight.dims[1]!], [weight], (rows) => {
    if (weight.needsGradient) tape.rowGradients.push({ weight, rows });
  });
}

/** Rows of W [V, D] for ids (int64 [N]) that are the same in every batch: [N, D]. */
export function fixedRows(tape: Tape, weight: Var, ids: string, count: number): Var {
  const { graph } = tape;
  const [vocabulary, width] = weight.dims as [number, number];
  const dims = [count, width];
  return tape.record(graph.node('Gather', [weight.name, ids], { axis: 0 }), dims, [weight], (g) => {
    // Not ScatterND, whose reduction loses updates with more than one thread (microsoft/onnxruntime #18048, #23396).
    tape.addGradientInto(weight, (sofar) => {
      const base = sofar ?? graph.node('ConstantOfShape', [graph.integers([vocabulary, width])]);
      const indices = graph.node('Expand', [graph.reshape(ids, [count, 1]), graph.integers(dims)]);
      return graph.node('ScatterElements', [base, indices, g], { axis: 0, reduction: 'add' });
    });
  });
}

/**
 * Rotary position embedding of x [B, T, n, d] with tables [T, dim/2]: element i turns with i + dim/2 (`rotate_half`);
 * elements from `dim` on stay as they are.
 */
export function rotary(tape: Tape, x: Var, { cos, sin, dim }: { cos: string; sin: string; dim: number }): Var {
  const { graph } = tape;
  const [batch, tokens, heads, width] = x.dims as [number, number, number, number];
  const turn = (value: string, sines: string): string => {
    const rows = graph.reshape(value, [batch, tokens, heads * width]);
    const attributes = { num_heads: heads, rotary_embedding_dim: dim === width ? 0 : dim };
    const inputs = [rows, graph.integers([0]), cos, sines];
    return graph.reshape(graph.node('com.microsoft.RotaryEmbedding', inputs, attributes), x.dims);
  };
  return tape.record(turn(x.name, sin), x.dims, [x], (g) => {
    tape.addGradient(x, () => turn(g, graph.node('Neg', [sin])));
  });
}

/** Softmax over the last axis of x + masks; a mask (0 or a large negative number) broadcasts and is no Var. */
export function maskedSoftmax(tape: Tape, x: Var, masks: readonly string[]): Var {
  const { graph } = tape;
  const masked = masks.reduce((value, mask) => graph.node('Add', [value, mask]), x.name);
  const y = graph.node('Softmax', [masked], { axis: -1 });
  return tape.record(y, x.dims, [x], (g) => {
    tape.addGradient(x, () => {
      const t = graph.node('Mul', [g, y]);
      const sum = graph.node('ReduceSum', [t, graph.integers([-1])], { keepdims: 1 });
      return graph.node('Sub', [t, graph.node('Mul', [y, sum])]);
    });
  });
}
