import { ProtoWriter } from './protobuf.ts';
import { ELEMENT_TYPES, type ElementType, type FileTensor, rawBytes, type TensorValue } from './tensor.ts';

/** A float attribute. JavaScript cannot tell 1 from 1.0, and onnxruntime refuses an INT where a FLOAT belongs. */
export class FloatAttribute {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}
export const float = (value: number): FloatAttribute => new FloatAttribute(value);

/** number = INT (must be an integer), number[] = INTS, `float(x)` = FLOAT, string = STRING, graph = GRAPH, tensor = TENSOR. */
export type Attribute = number | string | readonly number[] | FloatAttribute | Graph | TensorValue;

export interface Node {
  readonly op: string;
  readonly name: string;
  /** '' = an absent optional input. */
  readonly inputs: readonly string[];
  /** '' = an output that is not wanted. */
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** '' = ai.onnx, or 'com.microsoft'. */
  readonly domain: string;
}

export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly constants: readonly { readonly name: string; readonly value: TensorValue }[];
  /** Constants whose content lies in files. */
  readonly fromFiles: readonly { readonly name: string; readonly value: FileTensor }[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

/** Versions that onnxruntime 1.30 runs on the CPU and that every op of this package is written for. */
export const OPSET = 21;
export const IR_VERSION = 10;
export const MICROSOFT_DOMAIN = 'com.microsoft';

/** AttributeProto.AttributeType (onnx.proto). */
const ATTRIBUTE_TYPE = { FLOAT: 1, INT: 2, STRING: 3, TENSOR: 4, GRAPH: 5, INTS: 7 } as const;

/** Serialised ModelProto of a graph. Field numbers are those of onnx.proto. */
export function encodeModel(graph: Graph): Uint8Array {
  const model = new ProtoWriter();
  model.integer(1, IR_VERSION);
  model.string(2, 'tuning');
  model.message(7, (writer) => writeGraph(writer, graph));
  for (const [domain, version] of [
    ['', OPSET],
    [MICROSOFT_DOMAIN, 1],
  ] as const) {
    model.message(8, (writer) => {
      writer.string(1, domain);
      writer.integer(2, version);
    });
  }
  return model.bytes().slice();
}

function writeGraph(writer: ProtoWriter, graph: Graph): void {
  for (const node of graph.nodes) writer.message(1, (child) => writeNode(child, node));
  writer.string(2, graph.name);
  for (const { name, value } of graph.constants) writer.message(5, (child) => writeTensor(child, value, name));
  for (const { name, value } of graph.fromFiles) writer.message(5, (child) => writeFileTensor(child, value, name));
  for (const info of graph.inputs) writer.message(11, (child) => writeValueInfo(child, info));
  for (const info of graph.outputs) writer.message(12, (child) => writeValueInfo(child, info));
}

function writeNode(writer: ProtoWriter, node: Node): void {
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  writer.string(3, node.name);
  writer.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.message(5, (child) => writeAttribute(child, name, value));
  }
  if (node.domain !== '') writer.string(7, node.domain);
}

function writeAttribute(writer: ProtoWriter, name: string, value: Attribute): void {
  writer.string(1, name);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value))
      throw new RangeError(`attribute ${name}: ${value} is no integer; mark it float()`);
    writer.integer(3, value);
    writer.integer(20, ATTRIBUTE_TYPE.INT);
  } else if (typeof value === 'string') {
    writer.string(4, value);
    writer.integer(20, ATTRIBUTE_TYPE.STRING);
  } else if (value instanceof FloatAttribute) {
    writer.float(2, value.value);
    writer.integer(20, ATTRIBUTE_TYPE.FLOAT);
  } else if ('nodes' in value) {
    writer.message(6, (child) => writeGraph(child, value));
    writer.integer(20, ATTRIBUTE_TYPE.GRAPH);
  } else if ('dims' in value) {
    writer.message(5, (child) => writeTensor(child, value));
    writer.integer(20, ATTRIBUTE_TYPE.TENSOR);
  } else {
    for (const item of value) writer.integer(8, item);
    writer.integer(20, ATTRIBUTE_TYPE.INTS);
  }
}

function writeTensor(writer: ProtoWriter, value: TensorValue, name?: string): void {
  for (const size of value.dims) writer.integer(1, size);
  writer.integer(2, ELEMENT_TYPES[value.type]);
  if (name !== undefined) writer.string(8, name);
  writer.raw(9, rawBytes(value));
}

/** TensorProto.DataLocation (onnx.proto). */
const EXTERNAL = 1;

function writeFileTensor(writer: ProtoWriter, value: FileTensor, name: string): void {
  for (const size of value.dims) writer.integer(1, size);
  writer.integer(2, ELEMENT_TYPES[value.type]);
  writer.string(8, name);
  const { location, offset, length } = value;
  for (const [key, text] of Object.entries({ location, offset: String(offset), length: String(length) })) {
    writer.message(13, (entry) => {
      entry.string(1, key);
      entry.string(2, text);
    });
  }
  writer.integer(14, EXTERNAL);
}

function writeValueInfo(writer: ProtoWriter, info: ValueInfo): void {
  writer.string(1, info.name);
  writer.message(2, (type) => {
    type.message(1, (tensor) => {
      tensor.integer(1, ELEMENT_TYPES[info.type]);
      tensor.message(2, (shape) => {
        for (const size of info.dims) shape.message(1, (dim) => dim.integer(1, size));
      });
    });
  });
}
