import type { GraphBuilder } from '../graph/builder.ts';
import { product } from './linear-operations.ts';
import type { Tape, Var } from './tape.ts';

export interface HeadLossInputs {
  /** int64 [N, 1]; a negative one does not count. */
  readonly labels: string;
  /** Scalar factor of the loss. With 1 / (labels of the whole step) the gradients of accumulated passes simply add up. */
  readonly scale: string;
  /** cap·tanh(logits / cap) takes the place of the logits. */
  readonly cap: number | null;
}

/**
 * `scale` · sum of −log p(label) over the rows that count, p the softmax of x·Wᵀ; x [N, D], W [V, D]. Head and loss are one
 * operation because the logits are by far the largest tensor: what counts and how much is applied to x and to its
 * gradient, which are V / D times as small.
 */
export function headLoss(tape: Tape, x: Var, weight: Var, { labels, scale, cap }: HeadLossInputs): Var {
  const { graph } = tape;
  const zero = graph.integers([0]);
  const target = graph.node('Max', [labels, zero]);
  const counted = graph.node('Cast', [graph.node('GreaterOrEqual', [labels, zero])], { to: 1 });
  const raw = graph.node('Gemm', [x.name, weight.name], { transB: 1 });
  const tanh = cap === null ? undefined : graph.node('Tanh', [graph.node('Div', [raw, graph.scalar(cap)])]);
  const logits = tanh === undefined ? raw : graph.node('Mul', [tanh, graph.scalar(cap!)]);
  const logProbability = graph.node('LogSoftmax', [logits], { axis: -1 });
  const picked = graph.node('GatherElements', [logProbability, target], { axis: 1 });
  const nll = graph.node('Neg', [graph.node('Mul', [picked, counted])]);
  const total = graph.node('ReduceSum', [nll, graph.integers([0, 1])], { keepdims: 0 });
  return tape.record(graph.node('Mul', [total, scale]), [], [x, weight], (g) => {
    let slope = lessOne(graph, graph.node('Exp', [logProbability]), target, x.dims[0]!);
    if (tanh !== undefined) {
      const flat = graph.node('Sub', [graph.scalar(1), graph.node('Mul', [tanh, tanh])]);
      slope = graph.node('Mul', [slope, flat]);
    }
    const share = graph.node('Mul', [counted, graph.node('Mul', [g, scale])]);
    tape.addGradient(x, () => graph.node('Mul', [graph.node('Gemm', [slope, weight.name]), share]));
    tape.addGradientInto(weight, (sofar) =>
      product(graph, [slope, graph.node('Mul', [x.name, share])], { transA: 1 }, sofar),
    );
  });
}

/** Probabilities [N, V] with 1 taken from each row's target. */
function lessOne(graph: GraphBuilder, probabilities: string, target: string, rows: number): string {
  const minusOne = graph.node('Expand', [graph.scalar(-1), graph.integers([rows, 1])]);
  return graph.node('ScatterElements', [probabilities, target, minusOne], { axis: 1, reduction: 'add' });
}
