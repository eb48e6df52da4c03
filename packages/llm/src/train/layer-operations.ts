import { elements } from '../onnx/tensor.ts';
import type { Tape, Var } from './tape.ts';

/** Rows of W [V, D] for ids (int64 [N]): [N, D]. */
export function embedding(tape: Tape, weight: Var, ids: string, count: number): Var {
  const { graph } = tape;
  const [vocabulary, width] = weight.dims as [number, number];
  const dims = [count, width];
  return tape.record(graph.node('Gather', [weight.name, ids], { axis: 0 }), dims, [weight], (g) => {
    if (!weight.needsGradient) return;
    // A tied head has left its gradient already, as the walk reaches it first: scatter into that. ScatterElements, not
    // ScatterND, whose reduction loses updates with more than one thread (microsoft/onnxruntime #18048, #23396).
    const base = tape.takeGradient(weight) ?? graph.node('ConstantOfShape', [graph.integers([vocabulary, width])]);
    const indices = graph.node('Expand', [graph.reshape(ids, [count, 1]), graph.integers(dims)]);
    tape.addGradient(weight, () => graph.node('ScatterElements', [base, indices, g], { axis: 0, reduction: 'add' }));
  });
}

/** Root-mean-square norm over the last axis, times a weight [D]. */
export function rmsNorm(tape: Tape, x: Var, weight: Var, epsilon: number): Var {
  const { graph } = tape;
  const mean = (value: string): string => graph.node('ReduceMean', [value, graph.integers([-1])], { keepdims: 1 });
  const variance = graph.node('Add', [mean(graph.node('Mul', [x.name, x.name])), graph.scalar(epsilon)]);
  const inverse = graph.node('Reciprocal', [graph.node('Sqrt', [variance])]);
  const normalised = graph.node('Mul', [x.name, inverse]);
  return tape.record(graph.node('Mul', [normalised, weight.name]), x.dims, [x, weight], (g) => {
    const leading = x.dims.slice(0, -1).map((_, axis) => axis);
    tape.addGradient(weight, () =>
      graph.node('ReduceSum', [graph.node('Mul', [g, normalised]), graph.integers(leading)], { keepdims: 0 }),
    );
    tape.addGradient(x, () => {
      const scaled = graph.node('Mul', [g, weight.name]);
      const shared = graph.node('Mul', [normalised, mean(graph.node('Mul', [scaled, normalised]))]);
      return graph.node('Mul', [inverse, graph.node('Sub', [scaled, shared])]);
    });
  });
}

/** Rotary position embedding of x [B, T, n, d] with tables [1, T, 1, d/2]: element i turns with i + d/2 (`rotate_half`). */
export function rotary(tape: Tape, x: Var, cos: string, sin: string): Var {
  const { graph } = tape;
  const turn = (value: string, direction: 'forward' | 'back'): string => {
    const [a, b] = graph.nodes('Split', [value], { axis: -1, num_outputs: 2 }, 2) as [string, string];
    const [first, second] = direction === 'forward' ? ['Sub', 'Add'] : ['Add', 'Sub'];
    const left = graph.node(first!, [graph.node('Mul', [a, cos]), graph.node('Mul', [b, sin])]);
    const right = graph.node(second!, [graph.node('Mul', [b, cos]), graph.node('Mul', [a, sin])]);
    return graph.node('Concat', [left, right], { axis: -1 });
  };
  return tape.record(turn(x.name, 'forward'), x.dims, [x], (g) => {
    tape.addGradient(x, () => turn(g, 'back'));
  });
}

/** Softmax over the last axis of x + mask; the mask (0 or a large negative number) broadcasts and is no Var. */
export function maskedSoftmax(tape: Tape, x: Var, mask: string): Var {
  const { graph } = tape;
  const y = graph.node('Softmax', [graph.node('Add', [x.name, mask])], { axis: -1 });
  return tape.record(y, x.dims, [x], (g) => {
    tape.addGradient(x, () => {
      const t = graph.node('Mul', [g, y]);
      const sum = graph.node('ReduceSum', [t, graph.integers([-1])], { keepdims: 1 });
      return graph.node('Sub', [t, graph.node('Mul', [y, sum])]);
    });
  });
}

/** silu(gate) · up. */
export function swiGlu(tape: Tape, gate: Var, up: Var): Var {
  const { graph } = tape;
  const sigmoid = graph.node('Sigmoid', [gate.name]);
  const silu = graph.node('Mul', [gate.name, sigmoid]);
  return tape.record(graph.node('Mul', [silu, up.name]), gate.dims, [gate, up], (g) => {
    tape.addGradient(up, () => graph.node('Mul', [g, silu]));
    tape.addGradient(gate, () => {
      // silu′ = σ + silu·(1 − σ)
      const rest = graph.node('Mul', [silu, graph.node('Sub', [graph.scalar(1), sigmoid])]);
      return graph.node('Mul', [graph.node('Mul', [g, up.name]), graph.node('Add', [sigmoid, rest])]);
    });
  });
}

/**
 * `scale` · sum of −log p(label) over the rows whose label is ≥ 0; logits [N, V], labels int64 [N, 1], `scale` a scalar
 * input. With scale = 1 / (labels of the whole optimiser step) the gradients of accumulated passes simply add up to
 * those of the token mean.
 */
export function crossEntropy(tape: Tape, logits: Var, labels: string, scale: string): Var {
  const { graph } = tape;
  const count = elements(logits.dims.slice(0, -1));
  const zero = graph.integers([0]);
  const target = graph.node('Max', [labels, zero]);
  const valid = graph.node('Cast', [graph.node('GreaterOrEqual', [labels, zero])], { to: 1 });
  const logProbability = graph.node('LogSoftmax', [logits.name], { axis: -1 });
  const picked = graph.node('GatherElements', [logProbability, target], { axis: 1 });
  const nll = graph.node('Neg', [graph.node('Mul', [picked, valid])]);
  const total = graph.node('ReduceSum', [nll, graph.integers([0, 1])], { keepdims: 0 });
  return tape.record(graph.node('Mul', [total, scale]), [], [logits], (g) => {
    tape.addGradient(logits, () => {
      const minusOne = graph.node('Expand', [graph.scalar(-1), graph.integers([count, 1])]);
      const difference = graph.node('ScatterElements', [graph.node('Exp', [logProbability]), target, minusOne], {
        axis: 1,
        reduction: 'add',
      });
      return graph.node('Mul', [difference, graph.node('Mul', [valid, graph.node('Mul', [g, scale])])]);
    });
  });
}
