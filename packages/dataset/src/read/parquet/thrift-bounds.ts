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
 * Walks over thrift data without building it: an empty struct takes one byte in a file and some hundred in memory, so the
 * number of values is counted before a parser makes objects of them.
 */
export class ThriftWalk {
  /** The place of what comes next. */
  at: number;
  readonly #bytes: Uint8Array;
  readonly #maxValues: number;
  #values = 0;

  constructor(bytes: Uint8Array, at: number, maxValues: number) {
    this.at = at;
    this.#bytes = bytes;
    this.#maxValues = maxValues;
  }

  /**
   * Goes over a struct.
   * @throws ThriftCut where the bytes end inside it; Error where there are over `maxValues` values or it is malformed.
   */
  struct(depth = 0): void {
    if (depth > MAX_DEPTH) throw new Error(`thrift data nests more than ${MAX_DEPTH} deep`);
    for (let field = this.field(0); field; field = this.field(0)) this.value(field.type, depth);
  }

  /** Goes over the head of a field, given the number of the one before. @returns undefined at the end of the struct. */
  field(before: number): { id: number; type: number } | undefined {
    const head = this.#byte();
    const type = head & 15;
    if (type === 0) return undefined;
    if (head >> 4 !== 0) return { id: before + (head >> 4), type };
    const zigzag = this.#varint();
    return { id: zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2, type };
  }

  /** Goes over the value of a field. */
  value(type: number, depth: number): void {
    // A flag of a field is in its type.
    if (type === TYPE.true || type === TYPE.false) this.#count(1);
    else this.#item(type, depth);
  }

  /** Goes over the head of a list. */
  listHead(): { size: number; isOfStructs: boolean; type: number } {
    const head = this.#byte();
    const size = head >> 4 === 15 ? this.#varint() : head >> 4;
    const type = head & 15;
    this.#count(size);
    return { size, type, isOfStructs: type === TYPE.struct };
  }

  #item(type: number, depth: number): void {
    this.#count(1);
    if (type === TYPE.byte) this.#skip(1);
    else if (type === TYPE.i16 || type === TYPE.i32 || type === TYPE.i64) this.#varint();
    else if (type === TYPE.double) this.#skip(8);
    else if (type === TYPE.binary) this.#skip(this.#varint());
    else if (type === TYPE.list || type === TYPE.set) this.#list(depth + 1);
    else if (type === TYPE.struct) this.struct(depth + 1);
    else throw new Error(`thrift data has the type ${type}, which parquet does not use`);
  }

  #list(depth: number): void {
    const { size, type } = this.listHead();
    for (let i = 0; i < size; i++) this.#item(type === TYPE.true || type === TYPE.false ? TYPE.byte : type, depth);
  }

  #byte(): number {
    if (this.at >= this.#bytes.length) throw new ThriftCut('thrift data ends early');
    return this.#bytes[this.at++]!;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const next = this.#byte();
      value += (next & 0x7f) * 2 ** shift;
      if (next < 0x80) return value;
    }
    throw new Error('a thrift number is too long');
  }

  #skip(length: number): void {
    this.at += length;
    if (this.at > this.#bytes.length) throw new ThriftCut('thrift data ends early');
  }

  #count(more: number): void {
    this.#values += more;
    if (this.#values > this.#maxValues) throw new Error(`thrift data has more than ${this.#maxValues} values`);
  }
}

/** Length in bytes of the struct that starts at `offset`. @throws as ThriftWalk. */
export function thriftLength(bytes: Uint8Array, offset: number, maxValues: number): number {
  const walk = new ThriftWalk(bytes, offset, maxValues);
  walk.struct();
  return walk.at - offset;
}

export const LIST_TYPE = TYPE.list;
