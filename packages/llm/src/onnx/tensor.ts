/** Element types used in our graphs, by onnxruntime's names; the numbers are TensorProto.DataType (onnx.proto). */
export const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
} as const;
export type ElementType = keyof typeof ELEMENT_TYPES;

/** A weight that stays in its file: onnxruntime maps it from there. */
export interface FileTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Path from the folder that the session is given; never absolute. */
  readonly location: string;
  /** In bytes; little-endian row-major content. No alignment is needed. */
  readonly offset: number;
  readonly length: number;
}

/** A constant inside a graph. No dims = a scalar. */
export interface TensorValue {
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Little-endian row-major content, 4 or 8 bytes per element (bool: 1). */
  readonly data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
}

export function floats(dims: readonly number[], data: Float32Array | readonly number[]): TensorValue {
  return checked({ type: 'float32', dims, data: data instanceof Float32Array ? data : Float32Array.from(data) });
}

export function int64s(dims: readonly number[], data: readonly number[]): TensorValue {
  return checked({ type: 'int64', dims, data: BigInt64Array.from(data, BigInt) });
}

export function int32s(dims: readonly number[], data: readonly number[]): TensorValue {
  return checked({ type: 'int32', dims, data: Int32Array.from(data) });
}

export function elements(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** The tensor's content; a view, no copy. */
export function rawBytes({ data }: TensorValue): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function checked(tensor: TensorValue): TensorValue {
  if (tensor.data.length !== elements(tensor.dims)) {
    throw new RangeError(`a tensor of dims [${tensor.dims}] cannot hold ${tensor.data.length} elements`);
  }
  return tensor;
}
