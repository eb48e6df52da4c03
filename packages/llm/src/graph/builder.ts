import {
  type Attribute,
  encodeModel,
  type Graph,
  MICROSOFT_DOMAIN,
  type Node,
  type ValueInfo,
} from '../onnx/encode.ts';
import { type ElementType, type FileTensor, floats, int64s, rawBytes, type TensorValue } from '../onnx/tensor.ts';

/**
 * Collects the nodes of one ONNX graph. Names are unique over the whole model: every generated name starts with the
 * graph's own, so a Scan body may use the names of the graph around it directly.
 */
export class GraphBuilder {
  readonly name: string;
  readonly #nodes: Node[] = [];
  readonly #first: Node[] = [];
  readonly #constants: { name: string; value: TensorValue }[] = [];
  readonly #constantNames = new Map<string, string>();
  readonly #fromFiles: { name: string; value: FileTensor }[] = [];
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  #next = 0;

  constructor(name: string) {
    this.name = name;
  }

  get nodeCount(): number {
    return this.#first.length + this.#nodes.length;
  }

  /** Declares a graph input and returns its name. */
  input(name: string, type: ElementType, dims: readonly number[]): string {
    this.#inputs.push({ name, type, dims });
    return name;
  }

  /** Declares `name` (made by a node) as an output of the graph, under the name it has. */
  output(name: string, type: ElementType, dims: readonly number[]): void {
    this.#outputs.push({ name, type, dims });
  }

  /** Name of a constant tensor; equal tensors share one. */
  constant(value: TensorValue): string {
    // Small ones (shapes, axes, scalars) are asked for again and again, big tables only once.
    const bytes = rawBytes(value);
    const key = bytes.length <= 256 ? `${value.type}[${value.dims}]${Buffer.from(bytes).toString('hex')}` : undefined;
    const known = key === undefined ? undefined : this.#constantNames.get(key);
    if (known !== undefined) return known;
    const name = this.#fresh('const');
    this.#constants.push({ name, value });
    if (key !== undefined) this.#constantNames.set(key, name);
    return name;
  }

  /** Declares a constant whose content lies in a file and returns its name. */
  fromFile(name: string, value: FileTensor): string {
    this.#fromFiles.push({ name, value });
    return name;
  }

  scalar(value: number): string {
    return this.constant(floats([], [value]));
  }

  /** A one-dimensional int64 constant, as axes and shapes are given. */
  integers(values: readonly number[]): string {
    return this.constant(int64s([values.length], values));
  }

  /**
   * Adds a node with `outputs` outputs (a number makes fresh names; names given are used as they are, '' = not wanted).
   * Ops of onnxruntime's own domain are given as `com.microsoft.Name`.
   */
  nodes(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: number | readonly string[],
    into = this.#nodes,
  ): string[] {
    const contributed = op.startsWith(`${MICROSOFT_DOMAIN}.`);
    const type = contributed ? op.slice(MICROSOFT_DOMAIN.length + 1) : op;
    const names = typeof outputs === 'number' ? Array.from({ length: outputs }, () => this.#fresh(type)) : [...outputs];
    into.push({
      op: type,
      name: this.#fresh('node'),
      inputs,
      outputs: names,
      attributes,
      domain: contributed ? MICROSOFT_DOMAIN : '',
    });
    return names;
  }

  /** Adds a node with one output and returns that output's name. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output?: string,
  ): string {
    return this.nodes(op, inputs, attributes, output === undefined ? 1 : [output])[0]!;
  }

  /**
   * Adds a node with one output that depends on constants only, before all others. onnxruntime visits the inputs of a node
   * from the last one to the first: so it runs right before the node that uses it, and not at the start of the graph.
   */
  justInTime(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>>): string {
    return this.nodes(op, inputs, attributes, 1, this.#first)[0]!;
  }

  reshape(value: string, dims: readonly number[]): string {
    return this.node('Reshape', [value, this.integers(dims)]);
  }

  /** `value` as float32, for a body that uses it by name. */
  wide(value: string): string {
    return value;
  }

  /** A name that nothing else in this model has. */
  fresh(hint: string): string {
    return this.#fresh(hint);
  }

  graph(): Graph {
    return {
      name: this.name,
      nodes: [...this.#first, ...this.#nodes],
      constants: this.#constants,
      fromFiles: this.#fromFiles,
      inputs: this.#inputs,
      outputs: this.#outputs,
    };
  }

  /** The graph as a serialised ONNX model. */
  encode(): Uint8Array {
    return encodeModel(this.graph());
  }

  #fresh(hint: string): string {
    return `${this.name}/${hint}_${this.#next++}`;
  }
}
