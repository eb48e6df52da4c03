import { ELEMENT_TYPES, type FileTensor } from '../onnx/tensor.ts';
import type { GraphBuilder } from './builder.ts';

/** The weights as a decoder's operations ask for them: values of a graph, by the tensors' names. */
export interface GraphWeights {
  has(name: string): boolean;
  /** The whole tensor, as float32 where the graph is. */
  value(name: string): string;
  /** Its rows at `indices`, likewise. */
  rows(name: string, indices: string): string;
}

/** Weights that are fed at every run, so that one compiled graph serves every submission. */
export class FedWeights implements GraphWeights {
  readonly #graph: GraphBuilder;
  readonly #names: ReadonlySet<string>;

  constructor(graph: GraphBuilder, tensors: ReadonlyMap<string, readonly number[]>) {
    this.#graph = graph;
    this.#names = new Set(tensors.keys());
    for (const [name, dims] of tensors) graph.input(name, 'float32', dims);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  value(name: string): string {
    return name;
  }

  rows(name: string, indices: string): string {
    return this.#graph.node('Gather', [name, indices], { axis: 0 });
  }
}

/**
 * Weights that stay in their files. What is stored in 16 bits is widened where it is used, a tensor at a time, so that no
 * second copy of the model comes to be; compile such a graph without optimisation, which would fold the casts.
 */
export class MappedWeights implements GraphWeights {
  readonly #graph: GraphBuilder;
  readonly #tensors: ReadonlyMap<string, FileTensor>;
  readonly #widened = new Map<string, string>();

  constructor(graph: GraphBuilder, tensors: ReadonlyMap<string, FileTensor>) {
    this.#graph = graph;
    this.#tensors = tensors;
    for (const [name, tensor] of tensors) graph.fromFile(name, tensor);
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  value(name: string): string {
    let value = this.#widened.get(name);
    if (value === undefined) {
      // All copies at once would be the whole model again.
      value = this.#isWide(name) ? name : this.#graph.justInTime('Cast', [name], { to: ELEMENT_TYPES.float32 });
      this.#widened.set(name, value);
    }
    return value;
  }

  rows(name: string, indices: string): string {
    const rows = this.#graph.node('Gather', [name, indices], { axis: 0 });
    return this.#isWide(name) ? rows : this.#graph.node('Cast', [rows], { to: ELEMENT_TYPES.float32 });
  }

  #isWide(name: string): boolean {
    return this.#tensors.get(name)!.type === 'float32';
  }
}

/**
 * The same weights as MappedWeights has declared, in the format of their files: for a graph that casts what it needs by itself
 * (`HalfBuilder`), so that 16-bit weights do not pass through float32.
 */
export class StoredWeights implements GraphWeights {
  readonly #graph: GraphBuilder;
  readonly #tensors: ReadonlyMap<string, FileTensor>;

  constructor(graph: GraphBuilder, tensors: ReadonlyMap<string, FileTensor>) {
    this.#graph = graph;
    this.#tensors = tensors;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  value(name: string): string {
    return name;
  }

  rows(name: string, indices: string): string {
    return this.#graph.node('Gather', [name, indices], { axis: 0 });
  }
}
