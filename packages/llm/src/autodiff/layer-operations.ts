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

/**
 * Rotary position embedding of x [B, T, n, d] with tables [1, T, 1, dim/2]: element i turns with i + dim/2
 * (`rotate_half`); elements from `dim` on stay as they are.
 */
export function rotary(tape: Tape, x: Var, { cos, sin, dim }: { cos: string; sin: string; dim: number }): Var {
  const { graph } = tape;
  const rest = x.dims.at(-1)! - dim;
  const sizes = graph.integers(rest === 0 ? [dim / 2, dim / 2] : [dim / 2, dim / 2, rest]);
  const turn = (value: string, direction: 'forward' | 'back'): string => {
    const [a, b, ...still] = graph.nodes('Split', [value, sizes], { axis: -1 }, rest === 0 ? 2 : 3) as [
      string,
      string,
      ...string[],
    ];
    const [first, second] = direction === 'forward' ? ['Sub', 'Add'] : ['Add', 'Sub'];
    const left = graph.node(first!, [graph.node('Mul', [a, cos]), graph.node('Mul', [b, sin])]);
    const right = graph.node(second!, [graph.node('Mul', [b, cos]), graph.node('Mul', [a, sin])]);
    return graph.node('Concat', [left, right, ...still], { axis: -1 });
  };
  return tape.record(turn(x.name, 'forward'), x.dims, [x], (g) => {
    tape.addGradient(x, () => turn(g, 'back'));
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
