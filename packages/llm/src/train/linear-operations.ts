import { float } from '../onnx/encode.ts';
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

/** y = x·Wᵀ with x [N, I] and W [O, I], the layout of a Hugging Face linear layer. */
export function linear(tape: Tape, x: Var, weight: Var): Var {
  const { graph } = tape;
  const dims = [x.dims[0]!, weight.dims[0]!];
  return tape.record(graph.node('Gemm', [x.name, weight.name], { transB: 1 }), dims, [x, weight], (g) => {
    tape.addGradient(x, () => graph.node('Gemm', [g, weight.name]));
    tape.addGradient(weight, () => graph.node('Gemm', [g, x.name], { transA: 1 }));
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
