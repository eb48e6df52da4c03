import type { Tape, Var } from './tape.ts';

/** Root-mean-square norm over the last axis, times a weight [D], or times the weight plus one. */
export function rmsNorm(tape: Tape, x: Var, weight: Var, { epsilon, plusOne = false }: RmsOptions): Var {
  const { graph } = tape;
  const mean = meanOf(tape);
  const factor = plusOne ? graph.node('Add', [weight.name, graph.scalar(1)]) : weight.name;
  const variance = graph.node('Add', [mean(graph.node('Mul', [x.name, x.name])), graph.scalar(epsilon)]);
  const inverse = graph.node('Reciprocal', [graph.node('Sqrt', [variance])]);
  const normalised = graph.node('Mul', [x.name, inverse]);
  return tape.record(graph.node('Mul', [normalised, factor]), x.dims, [x, weight], (g) => {
    tape.addGradient(weight, () => overLeading(tape, graph.node('Mul', [g, normalised]), x));
    tape.addGradient(x, () => {
      const scaled = graph.node('Mul', [g, factor]);
      const shared = graph.node('Mul', [normalised, mean(graph.node('Mul', [scaled, normalised]))]);
      return graph.node('Mul', [inverse, graph.node('Sub', [scaled, shared])]);
    });
  });
}

interface RmsOptions {
  epsilon: number;
  plusOne?: boolean;
}

/** LayerNorm over the last axis: mean 0 and variance 1, times a weight [D], plus a bias [D]. */
export function layerNorm(tape: Tape, x: Var, weight: Var, bias: Var, epsilon: number): Var {
  const { graph } = tape;
  const mean = meanOf(tape);
  const centred = graph.node('Sub', [x.name, mean(x.name)]);
  const variance = graph.node('Add', [mean(graph.node('Mul', [centred, centred])), graph.scalar(epsilon)]);
  const inverse = graph.node('Reciprocal', [graph.node('Sqrt', [variance])]);
  const normalised = graph.node('Mul', [centred, inverse]);
  const y = graph.node('Add', [graph.node('Mul', [normalised, weight.name]), bias.name]);
  return tape.record(y, x.dims, [x, weight, bias], (g) => {
    tape.addGradient(bias, () => overLeading(tape, g, x));
    tape.addGradient(weight, () => overLeading(tape, graph.node('Mul', [g, normalised]), x));
    tape.addGradient(x, () => {
      const scaled = graph.node('Mul', [g, weight.name]);
      const shared = graph.node('Mul', [normalised, mean(graph.node('Mul', [scaled, normalised]))]);
      const moved = graph.node('Sub', [graph.node('Sub', [scaled, mean(scaled)]), shared]);
      return graph.node('Mul', [inverse, moved]);
    });
  });
}

function meanOf({ graph }: Tape): (value: string) => string {
  return (value) => graph.node('ReduceMean', [value, graph.integers([-1])], { keepdims: 1 });
}

/** Sum over all axes of `like` but the last. */
function overLeading({ graph }: Tape, value: string, like: Var): string {
  const leading = like.dims.slice(0, -1).map((_, axis) => axis);
  return graph.node('ReduceSum', [value, graph.integers(leading)], { keepdims: 0 });
}
