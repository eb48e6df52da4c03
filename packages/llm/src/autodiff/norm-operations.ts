import { float } from '../onnx/encode.ts';
import type { Tape, Var } from './tape.ts';

/** Root-mean-square norm over the last axis of x [N, D], times a weight [D], or times the weight plus one. */
export function rmsNorm(tape: Tape, x: Var, weight: Var, { epsilon, plusOne = false }: RmsOptions): Var {
  const { graph } = tape;
  const factor = plusOne ? graph.node('Add', [weight.name, graph.scalar(1)]) : weight.name;
  const attributes = { axis: -1, epsilon: float(epsilon), stash_type: 1 };
  const [y, inverse] = graph.nodes('SimplifiedLayerNormalization', [x.name, factor], attributes, 2) as [string, string];
  return tape.record(y, x.dims, [x, weight], (g) => {
    const normalised = graph.node('Mul', [x.name, inverse]);
    const weighted = graph.node('Mul', [g, normalised]);
    tape.addGradient(weight, () => sumOfRows(tape, weighted, x));
    tape.addGradient(x, () => {
      const shared = graph.node('Mul', [normalised, meanTimes(tape, weighted, factor, x)]);
      return graph.node('Mul', [inverse, graph.node('Sub', [graph.node('Mul', [g, factor]), shared])]);
    });
  });
}

interface RmsOptions {
  epsilon: number;
  plusOne?: boolean;
}

/** LayerNorm over the last axis of x [N, D]: mean 0 and variance 1, times a weight [D], plus a bias [D]. */
export function layerNorm(tape: Tape, x: Var, weight: Var, bias: Var, epsilon: number): Var {
  const { graph } = tape;
  const inputs = [x.name, weight.name, bias.name];
  const [y, mean, inverse] = graph.nodes('LayerNormalization', inputs, { axis: -1, epsilon: float(epsilon) }, 3) as [
    string,
    string,
    string,
  ];
  return tape.record(y, x.dims, [x, weight, bias], (g) => {
    const normalised = graph.node('Mul', [graph.node('Sub', [x.name, mean]), inverse]);
    const weighted = graph.node('Mul', [g, normalised]);
    tape.addGradient(bias, () => sumOfRows(tape, g, x));
    tape.addGradient(weight, () => sumOfRows(tape, weighted, x));
    tape.addGradient(x, () => {
      const shared = graph.node('Mul', [normalised, meanTimes(tape, weighted, weight.name, x)]);
      const centred = graph.node('Sub', [graph.node('Mul', [g, weight.name]), meanTimes(tape, g, weight.name, x)]);
      return graph.node('Mul', [inverse, graph.node('Sub', [centred, shared])]);
    });
  });
}

/** Sum over the rows of a value [N, D]: [D]. A product with ones, several times as fast as ReduceSum over the first axis. */
function sumOfRows({ graph }: Tape, value: string, { dims: [rows, width] }: Var): string {
  const ones = graph.node('Expand', [graph.scalar(1), graph.integers([1, rows!])]);
  return graph.reshape(graph.node('Gemm', [ones, value]), [width!]);
}

/** Mean over the last axis of value · weight, [N, 1]. */
function meanTimes({ graph }: Tape, value: string, weight: string, { dims: [, width] }: Var): string {
  const column = graph.reshape(weight, [width!, 1]);
  return graph.node('Gemm', [value, column], { alpha: float(1 / width!) });
}
