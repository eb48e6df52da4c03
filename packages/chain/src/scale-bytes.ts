/** SCALE's few forms that are written without metadata: what is hashed or sealed for the runtime. */
export function compact(value: number): Uint8Array {
  if (value < 1 << 6) return Uint8Array.of(value << 2);
  if (value < 1 << 14) return u16((value << 2) | 1);
  if (value < 1 << 30) return Uint8Array.from(Buffer.from(new Uint32Array([((value << 2) | 2) >>> 0]).buffer));
  throw new RangeError(`a vector of ${value} entries`);
}

export function u16(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new RangeError(`${value} is not a u16`);
  return Uint8Array.of(value & 0xff, value >> 8);
}

export function u64(value: bigint): Uint8Array {
  if (value < 0n || value >= 1n << 64n) throw new RangeError(`${value} is not a u64`);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return Uint8Array.from(bytes);
}

export function u16Vec(values: readonly number[]): Uint8Array {
  return Uint8Array.from(Buffer.concat([compact(values.length), ...values.map(u16)]));
}

/** Reads from the front of a byte string. Every method throws a RangeError when too few bytes are left, or when they make no value. */
export class ScaleReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get at(): number {
    return this.#at;
  }

  /** A copy of what was read since `from`. */
  since(from: number): Buffer {
    return Buffer.from(this.#bytes.subarray(from, this.#at));
  }

  /** Passes over `bytes` where they are what comes next. */
  passOver(bytes: Buffer): boolean {
    const end = this.#at + bytes.length;
    if (end > this.#bytes.length || bytes.compare(this.#bytes, this.#at, end) !== 0) return false;
    this.#at = end;
    return true;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(size: number): Buffer {
    if (size > this.left) throw new RangeError('too few bytes');
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  /** Passes over so many bytes. @returns where they start: without a view of them, of which a large answer has thousands. */
  #pass(size: number): number {
    if (size > this.left) throw new RangeError('too few bytes');
    this.#at += size;
    return this.#at - size;
  }

  compact(): number {
    const first = this.u8();
    const mode = first & 3;
    if (mode === 0) return first >> 2;
    if (mode === 1) return (first | (this.u8() << 8)) >>> 2;
    if (mode === 2) return ((first | (this.#bytes.readUIntLE(this.#pass(3), 3) << 8)) >>> 0) >>> 2;
    throw new RangeError('a length above 2^30');
  }

  /** Of any size up to 64 bits. */
  compactU64(): bigint {
    if ((this.#bytes[this.#at]! & 3) !== 3) return BigInt(this.compact());
    const size = (this.u8() >> 2) + 4;
    if (size > 8) throw new RangeError(`an integer of ${size} bytes`);
    const bytes = Buffer.alloc(8);
    this.take(size).copy(bytes);
    return bytes.readBigUInt64LE();
  }

  /** Throws when bytes are left. */
  end(): void {
    if (this.left > 0) throw new RangeError(`${this.left} bytes too many`);
  }

  u16Vec(): number[] {
    const count = this.compact();
    const bytes = this.take(count * 2);
    return Array.from({ length: count }, (_, at) => bytes.readUInt16LE(at * 2));
  }

  u8(): number {
    return this.#bytes[this.#pass(1)]!;
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#pass(2));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#pass(4));
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#pass(8));
  }

  u128(): bigint {
    const low = this.u64();
    return (this.u64() << 64n) | low;
  }

  bool(): boolean {
    const byte = this.u8();
    if (byte > 1) throw new RangeError(`a truth value of ${byte}`);
    return byte === 1;
  }

  /** A `Vec` of items that take a byte each at least. */
  list<T>(item: (reader: this) => T): T[] {
    const length = this.compact();
    if (length > this.left) throw new RangeError('too few bytes');
    return Array.from({ length }, () => item(this));
  }
}
