import type { GraphBuilder } from '../graph/builder.ts';
import { type Attribute, float } from '../onnx/encode.ts';
import type { Tape, Var } from './tape.ts';

export function reshape(tape: Tape, x: Var, dims: readonly number[]): Var {
  const { graph } = tape;
  return tape.record(graph.reshape(x.name, dims), dims, [x], (g) => {
    tape.addGradient(x, () => graph.reshape(g, x.dims));
  });
}

export function transpose(tape: Tape, x: Var, perm: readonly number[]): Var {
  const { graph } = tape;
  const inverse = perm.map((_, axis) => perm.indexOf(axis));
  const dims = perm.map((axis) => x.dims[axis]!);
  return tape.record(graph.node('Transpose', [x.name], { perm }), dims, [x], (g) => {
    tape.addGradient(x, () => graph.node('Transpose', [g], { perm: inverse }));
  });
}

/** Sum of two tensors of the same shape. */
export function add(tape: Tape, a: Var, b: Var): Var {
  return tape.record(tape.graph.node('Add', [a.name, b.name]), a.dims, [a, b], (g) => {
    tape.addGradient(a, () => g);
    tape.addGradient(b, () => g);
  });
}

/** x times a tensor that is no Var: a scalar constant, or a mask of the same shape. */
export function multiplyBy(tape: Tape, x: Var, factor: string): Var {
  const { graph } = tape;
  return tape.record(graph.node('Mul', [x.name, factor]), x.dims, [x], (g) => {
    tape.addGradient(x, () => graph.node('Mul', [g, factor]));
  });
}

/**
 * y = x·Wᵀ + b with x [N, I], W [O, I], the layout of a Hugging Face linear layer, and b [O]; `transposed`: y = x·W + b
 * with W [I, O].
 */
export function linear(tape: Tape, x: Var, weight: Var, { bias, transposed = false }: LinearOptions = {}): Var {
  const { graph } = tape;
  const dims = [x.dims[0]!, weight.dims[transposed ? 1 : 0]!];
  const inputs = bias ? [x, weight, bias] : [x, weight];
  const names = inputs.map(({ name }) => name);
  return tape.record(graph.node('Gemm', names, { transB: transposed ? 0 : 1 }), dims, inputs, (g) => {
    tape.addGradientInto(x, (sofar) => product(graph, [g, weight.name], { transB: transposed ? 1 : 0 }, sofar));
    tape.addGradientInto(weight, (sofar) =>
      product(graph, transposed ? [x.name, g] : [g, x.name], { transA: 1 }, sofar),
    );
    if (bias) tape.addGradient(bias, () => graph.node('ReduceSum', [g, graph.integers([0])], { keepdims: 0 }));
  });
}

/** y + factor · x·Wᵀ: what an adapter adds to the layer beside it. */
export function linearOnto(tape: Tape, y: Var, x: Var, weight: Var, factor: number): Var {
  const { graph } = tape;
  const alpha = float(factor);
  const name = product(graph, [x.name, weight.name], { transB: 1, alpha }, y.name);
  return tape.record(name, y.dims, [y, x, weight], (g) => {
    tape.addGradient(y, () => g);
    tape.addGradientInto(x, (sofar) => product(graph, [g, weight.name], { alpha }, sofar));
    tape.addGradientInto(weight, (sofar) => product(graph, [g, x.name], { transA: 1, alpha }, sofar));
  });
}

/** a·b + `added`: the kernel adds while it multiplies, which costs less than a node of its own. */
export function product(
  graph: GraphBuilder,
  factors: readonly [string, string],
  attributes: Readonly<Record<string, Attribute>>,
  added: string | undefined,
): string {
  return graph.node('Gemm', added === undefined ? factors : [...factors, added], attributes);
}

interface LinearOptions {
  bias?: Var | undefined;
  transposed?: boolean | undefined;
}

/** The last axis of x as parts of these widths. */
export function splitLast(tape: Tape, x: Var, widths: readonly number[]): Var[] {
  const { graph } = tape;
  const names = graph.nodes('Split', [x.name, graph.integers(widths)], { axis: -1 }, widths.length);
  const leading = x.dims.slice(0, -1);
  const zeros = leading.map(() => 0);
  let before = 0;
  return names.map((name, i) => {
    const width = widths[i]!;
    const pads = [...zeros, before, ...zeros, x.dims.at(-1)! - before - width];
    before += width;
    // The other parts' gradients are added by their own records.
    return tape.record(name, [...leading, width], [x], (g) => {
      tape.addGradient(x, () => graph.node('Pad', [g, graph.integers(pads)]));
    });
  });
}

/** α·a·b, or α·a·bᵀ, over the last two axes; the leading axes are equal. */
export function batchedMatMul(tape: Tape, a: Var, b: Var, options: { alpha: number; transB: boolean }): Var {
  const { graph } = tape;
  const multiply = (x: string, y: string, transA: 0 | 1, transB: 0 | 1): string =>
    graph.node('com.microsoft.FusedMatMul', [x, y], { alpha: float(options.alpha), transA, transB });
  const dims = [...a.dims.slice(0, -1), b.dims.at(options.transB ? -2 : -1)!];
  return tape.record(multiply(a.name, b.name, 0, options.transB ? 1 : 0), dims, [a, b], (g) => {
    if (options.transB) {
      tape.addGradient(a, () => multiply(g, b.name, 0, 0));
      tape.addGradient(b, () => multiply(g, a.name, 1, 0));
    } else {
      tape.addGradient(a, () => multiply(g, b.name, 0, 1));
      tape.addGradient(b, () => multiply(a.name, g, 1, 0));
    }
  });
}
