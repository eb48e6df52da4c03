const text = new TextEncoder();
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/**
 * Write-only protobuf encoder: the four wire forms that ONNX needs. Proto3 defaults are written too (ONNX reads optional
 * proto2-like fields by presence).
 */
export class ProtoWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** What was written so far; a view that the next write may invalidate. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    larger.set(this.bytes());
    this.#bytes = larger;
  }

  #varint(value: number | bigint): void {
    this.#reserve(10);
    if (typeof value === 'number' && value >= 0 && value < 2 ** 31) {
      // Almost every value is a small one: without this path BigInt arithmetic dominates the encoding time.
      let rest = value;
      while (rest > 0x7f) {
        this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
        rest >>>= 7;
      }
      this.#bytes[this.#length++] = rest;
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0x7fn) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  /** int32, int64, enum, bool. Negative numbers take ten bytes (two's complement of 64 bits). */
  integer(field: number, value: number | bigint): void {
    this.#varint(field * 8);
    this.#varint(value);
  }

  float(field: number, value: number): void {
    this.#varint(field * 8 + FIXED_32);
    this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  raw(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + LENGTH_DELIMITED);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  string(field: number, value: string): void {
    this.raw(field, text.encode(value));
  }

  message(field: number, write: (child: ProtoWriter) => void): void {
    const child = new ProtoWriter();
    write(child);
    this.raw(field, child.bytes());
  }
}
