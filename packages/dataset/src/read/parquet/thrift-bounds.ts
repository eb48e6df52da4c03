/** Thrift's compact protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md */
const TYPE = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
};

/** Parquet's own structs nest 7 deep. */
const MAX_DEPTH = 16;

/** More bytes are needed to tell. */
export class ThriftCut extends Error {
  override readonly name = 'ThriftCut';
}

/**
 * Length in bytes of the struct that starts at `offset`, without building it: an empty struct takes one byte in a file
 * and some hundred in memory, so the number of values is counted before a parser makes objects of them.
 * @throws ThriftCut where `bytes` end inside the struct; Error where it has over `maxValues` values or is malformed.
 */
export function thriftLength(bytes: Uint8Array, offset: number, maxValues: number): number {
  let at = offset;
  let values = 0;
  const byte = (): number => {
    if (at >= bytes.length) throw new ThriftCut('thrift data ends early');
    return bytes[at++]!;
  };
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const next = byte();
      value += (next & 0x7f) * 2 ** shift;
      if (next < 0x80) return value;
    }
    throw new Error('a thrift number is too long');
  };
  const count = (more: number) => {
    values += more;
    if (values > maxValues) throw new Error(`thrift data has more than ${maxValues} values`);
  };
  const skip = (length: number) => {
    at += length;
    if (at > bytes.length) throw new ThriftCut('thrift data ends early');
  };
  const value = (type: number, depth: number): void => {
    count(1);
    if (type === TYPE.byte) skip(1);
    else if (type === TYPE.i16 || type === TYPE.i32 || type === TYPE.i64) varint();
    else if (type === TYPE.double) skip(8);
    else if (type === TYPE.binary) skip(varint());
    else if (type === TYPE.list || type === TYPE.set) list(depth + 1);
    else if (type === TYPE.struct) struct(depth + 1);
    else throw new Error(`thrift data has the type ${type}, which parquet does not use`);
  };
  const list = (depth: number): void => {
    const head = byte();
    const size = head >> 4 === 15 ? varint() : head >> 4;
    const type = head & 15;
    count(size);
    for (let i = 0; i < size; i++) value(type === TYPE.true || type === TYPE.false ? TYPE.byte : type, depth);
  };
  const struct = (depth: number): void => {
    if (depth > MAX_DEPTH) throw new Error(`thrift data nests more than ${MAX_DEPTH} deep`);
    for (;;) {
      const head = byte();
      const type = head & 15;
      if (type === 0) return;
      if (head >> 4 === 0) varint();
      if (type === TYPE.true || type === TYPE.false) count(1);
      else value(type, depth);
    }
  };
  struct(0);
  return at - offset;
}
