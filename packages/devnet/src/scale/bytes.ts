import { BadInputError } from '@tuning/kit';

/** Little-endian SCALE writer (https://docs.polkadot.com/polkadot-protocol/parachain-basics/data-encoding/). */
export class ScaleWriter {
  #buffer = Buffer.allocUnsafe(128);
  #length = 0;

  #room(count: number): number {
    const start = this.#length;
    if (start + count > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, start + count));
      this.#buffer.copy(larger, 0, 0, start);
      this.#buffer = larger;
    }
    this.#length = start + count;
    return start;
  }

  raw(bytes: Uint8Array): this {
    const start = this.#room(bytes.length);
    this.#buffer.set(bytes, start);
    return this;
  }

  u8(value: number): this {
    const start = this.#room(1);
    this.#buffer[start] = value;
    return this;
  }

  /** Unsigned or two's complement signed integer of `size` bytes. */
  uint(value: number | bigint, size: number): this {
    const start = this.#room(size);
    if (typeof value === 'number' && size <= 4 && value >= 0 && Number.isInteger(value)) {
      for (let i = 0; i < size; i++) this.#buffer[start + i] = value >>> (8 * i);
      return this;
    }
    if (size === 8) {
      this.#buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), start);
      return this;
    }
    let rest = BigInt.asUintN(size * 8, BigInt(value));
    for (let i = 0; i < size; i++) {
      this.#buffer[start + i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    return this;
  }

  compact(value: number | bigint): this {
    if (value >= 0 && value < 0x40000000) {
      const small = Number(value);
      if (small < 0x40) return this.u8(small << 2);
      return small < 0x4000 ? this.uint((small << 2) | 1, 2) : this.uint(small * 4 + 2, 4);
    }
    const n = BigInt(value);
    const size = Math.max(4, Math.ceil(n.toString(16).length / 2));
    return this.u8(((size - 4) << 2) | 3).uint(n, size);
  }

  bytes(value: Uint8Array): this {
    return this.compact(value.length).raw(value);
  }

  text(value: string): this {
    return this.bytes(new TextEncoder().encode(value));
  }

  finish(): Uint8Array {
    return new Uint8Array(this.#buffer.subarray(0, this.#length));
  }
}

/** Reads SCALE; throws BadInputError SCALE_INVALID when the bytes end early or make no sense. */
export class ScaleReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** Moves on by `count` bytes. @returns where they start. */
  #pass(count: number): number {
    if (count > this.remaining) {
      throw new BadInputError('SCALE_INVALID', `SCALE input ends early: ${count} bytes wanted, ${this.remaining} left`);
    }
    const start = this.#at;
    this.#at += count;
    return start;
  }

  raw(count: number): Uint8Array {
    const start = this.#pass(count);
    return this.#bytes.slice(start, start + count);
  }

  u8(): number {
    return this.#bytes[this.#pass(1)]!;
  }

  /** Of at most 4 bytes. */
  small(size: number): number {
    const start = this.#pass(size);
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.#bytes[start + i]!;
    return value;
  }

  uint(size: number): bigint {
    if (size <= 4) return BigInt(this.small(size));
    if (size === 8) {
      const low = this.small(4);
      return (BigInt(this.small(4)) << 32n) | BigInt(low);
    }
    const start = this.#pass(size);
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i]!);
    return value;
  }

  int(size: number): bigint {
    return BigInt.asIntN(size * 8, this.uint(size));
  }

  compact(): bigint {
    const first = this.u8();
    const mode = first & 3;
    if (mode === 0) return BigInt(first >> 2);
    if (mode === 1) return BigInt((first + this.small(1) * 0x100 - mode) / 4);
    if (mode === 2) return BigInt((first + this.small(3) * 0x100 - mode) / 4);
    return this.uint((first >> 2) + 4);
  }

  /** A length prefix; refuses one that could not fit in what is left. */
  length(minimumItemSize = 1): number {
    const length = Number(this.compact());
    if (length * minimumItemSize > this.remaining) {
      throw new BadInputError(
        'SCALE_INVALID',
        `SCALE length ${length} is larger than the ${this.remaining} bytes left`,
      );
    }
    return length;
  }

  bytes(): Uint8Array {
    return this.raw(this.length());
  }
}

export function toHex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;
}

/** Strict: '0x' and an even number of hexadecimal digits, else BadInputError HEX_INVALID. */
export function fromHex(text: string): Uint8Array {
  if (!/^0x(?:[0-9a-fA-F]{2})*$/.test(text)) {
    throw new BadInputError('HEX_INVALID', `not a 0x-prefixed hexadecimal string: ${text.slice(0, 40)}`);
  }
  return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
}
