import type { GraphBuilder } from '../graph/builder.ts';

/** A tensor of the training graph, float32. Identity matters: a gradient belongs to one Var. */
export interface Var {
  readonly name: string;
  readonly dims: readonly number[];
  /** False for frozen weights and everything made of them alone: no gradient nodes are made for it. */
  readonly needsGradient: boolean;
}

/** What a weight's rows get beside `gradient`: row i of `rows` [N, D] belongs to row ids[i] of the weight. */
export interface RowGradient {
  readonly weight: Var;
  readonly rows: string;
}

type Backward = (gradient: string) => void;

/**
 * Reverse-mode differentiation over a graph builder. Every operation emits its forward nodes and records how the
 * gradient of its output becomes gradients of its inputs; `backward` walks the records from the end and emits those
 * nodes into the same graph.
 */
export class Tape {
  readonly graph: GraphBuilder;
  readonly #records: { output: Var; backward: Backward }[] = [];
  readonly #gradients = new Map<Var, string>();
  /** Of the weights that are looked up by the batch's ids; left to the caller, see `embedding`. */
  readonly rowGradients: RowGradient[] = [];

  constructor(graph: GraphBuilder) {
    this.graph = graph;
  }

  /** Declares a weight as a graph input of its own name. */
  weight(name: string, dims: readonly number[], trained: boolean): Var {
    return { name: this.graph.input(name, 'float32', dims), dims, needsGradient: trained };
  }

  /** Result of an operation on `inputs`; `backward` is only kept when one of them needs a gradient. */
  record(name: string, dims: readonly number[], inputs: readonly Var[], backward: Backward): Var {
    const output: Var = { name, dims, needsGradient: inputs.some((input) => input.needsGradient) };
    if (output.needsGradient) this.#records.push({ output, backward });
    return output;
  }

  /** Adds to the gradient of `variable`. The nodes of `gradient` are only made when it is needed. */
  addGradient(variable: Var, gradient: () => string): void {
    if (!variable.needsGradient) return;
    const sofar = this.#gradients.get(variable);
    const addend = gradient();
    this.#gradients.set(variable, sofar === undefined ? addend : this.graph.node('Add', [sofar, addend]));
  }

  /** The same for an operation that adds what was accumulated so far itself: a Gemm, a scatter. */
  addGradientInto(variable: Var, gradient: (sofar: string | undefined) => string): void {
    if (!variable.needsGradient) return;
    this.#gradients.set(variable, gradient(this.#gradients.get(variable)));
  }

  /**
   * Emits the gradient nodes of the scalar `loss` and returns each trained weight's gradient, without `rowGradients`;
   * undefined where those are all.
   */
  backward(loss: Var, weights: readonly Var[]): (string | undefined)[] {
    this.#gradients.set(loss, this.graph.scalar(1));
    for (const { output, backward } of this.#records.toReversed()) {
      const gradient = this.#gradients.get(output);
      this.#gradients.delete(output);
      if (gradient !== undefined) backward(gradient);
    }
    return weights.map((weight) => {
      const gradient = this.#gradients.get(weight);
      if (gradient === undefined && this.rowGradients.every((one) => one.weight !== weight)) {
        throw new Error(`the loss does not depend on ${weight.name}`);
      }
      return gradient;
    });
  }
}
