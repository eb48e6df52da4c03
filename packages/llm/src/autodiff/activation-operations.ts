import type { Activation } from '../config/traits.ts';
import type { Tape, Var } from './tape.ts';

/** Coefficients of the tanh approximation of GELU (Hendrycks and Gimpel, arXiv 1606.08415). */
const TANH_SCALE = Math.sqrt(2 / Math.PI);
const TANH_CUBIC = 0.044715;

export function activate(tape: Tape, x: Var, activation: Activation): Var {
  if (activation === 'silu') return silu(tape, x);
  return activation === 'gelu' ? gelu(tape, x) : geluTanh(tape, x);
}

function silu(tape: Tape, x: Var): Var {
  const { graph } = tape;
  const sigmoid = graph.node('Sigmoid', [x.name]);
  const y = graph.node('Mul', [x.name, sigmoid]);
  return tape.record(y, x.dims, [x], (g) => {
    tape.addGradient(x, () => {
      // σ + y·(1 − σ)
      const rest = graph.node('Mul', [y, graph.node('Sub', [graph.scalar(1), sigmoid])]);
      return graph.node('Mul', [g, graph.node('Add', [sigmoid, rest])]);
    });
  });
}

/** silu(gate) · up. Fewer passes over its tensors than the product of both by itself. */
export function swiGlu(tape: Tape, gate: Var, up: Var): Var {
  const { graph } = tape;
  const sigmoid = graph.node('Sigmoid', [gate.name]);
  const active = graph.node('Mul', [gate.name, sigmoid]);
  const y = graph.node('Mul', [active, up.name]);
  return tape.record(y, gate.dims, [gate, up], (g) => {
    tape.addGradient(up, () => graph.node('Mul', [g, active]));
    tape.addGradient(gate, () => {
      // up·(σ + silu·(1 − σ)) = y + σ·(up − y)
      const rest = graph.node('Mul', [sigmoid, graph.node('Sub', [up.name, y])]);
      return graph.node('Mul', [g, graph.node('Add', [y, rest])]);
    });
  });
}

/** x·Φ(x), Φ the normal distribution; its derivative is Φ + x·φ. */
function gelu(tape: Tape, x: Var): Var {
  const { graph } = tape;
  const erf = graph.node('Erf', [graph.node('Mul', [x.name, graph.scalar(Math.SQRT1_2)])]);
  const phi = graph.node('Mul', [graph.node('Add', [erf, graph.scalar(1)]), graph.scalar(0.5)]);
  return tape.record(graph.node('Mul', [x.name, phi]), x.dims, [x], (g) => {
    tape.addGradient(x, () => {
      const square = graph.node('Mul', [x.name, x.name]);
      const bell = graph.node('Exp', [graph.node('Mul', [square, graph.scalar(-0.5)])]);
      const density = graph.node('Mul', [bell, graph.scalar(1 / Math.sqrt(2 * Math.PI))]);
      return graph.node('Mul', [g, graph.node('Add', [phi, graph.node('Mul', [x.name, density])])]);
    });
  });
}

/** ½·x·(1 + tanh(u)), u = s·(x + c·x³). */
function geluTanh(tape: Tape, x: Var): Var {
  const { graph } = tape;
  const one = graph.scalar(1);
  const half = graph.scalar(0.5);
  const cubic = graph.node('Mul', [graph.node('Mul', [x.name, x.name]), graph.scalar(TANH_CUBIC)]);
  const inner = graph.node('Mul', [x.name, graph.node('Add', [cubic, one])]);
  const tanh = graph.node('Tanh', [graph.node('Mul', [inner, graph.scalar(TANH_SCALE)])]);
  const share = graph.node('Mul', [graph.node('Add', [tanh, one]), half]);
  return tape.record(graph.node('Mul', [x.name, share]), x.dims, [x], (g) => {
    tape.addGradient(x, () => {
      // share + ½·x·(1 − tanh²)·s·(1 + 3·c·x²)
      const slope = graph.node('Sub', [one, graph.node('Mul', [tanh, tanh])]);
      const rise = graph.node('Add', [graph.node('Mul', [cubic, graph.scalar(3)]), one]);
      const scaled = graph.node('Mul', [graph.node('Mul', [slope, rise]), graph.scalar(0.5 * TANH_SCALE)]);
      return graph.node('Mul', [g, graph.node('Add', [share, graph.node('Mul', [x.name, scaled])])]);
    });
  });
}

/** cap·tanh(x / cap). */
export function softCap(tape: Tape, x: Var, cap: number): Var {
  const { graph } = tape;
  const tanh = graph.node('Tanh', [graph.node('Div', [x.name, graph.scalar(cap)])]);
  return tape.record(graph.node('Mul', [tanh, graph.scalar(cap)]), x.dims, [x], (g) => {
    tape.addGradient(x, () => {
      const slope = graph.node('Sub', [graph.scalar(1), graph.node('Mul', [tanh, tanh])]);
      return graph.node('Mul', [g, slope]);
    });
  });
}

/** a · b, element by element, of the same shape. */
export function multiply(tape: Tape, a: Var, b: Var): Var {
  const { graph } = tape;
  return tape.record(graph.node('Mul', [a.name, b.name]), a.dims, [a, b], (g) => {
    tape.addGradient(a, () => graph.node('Mul', [g, b.name]));
    tape.addGradient(b, () => graph.node('Mul', [g, a.name]));
  });
}
