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
    let rest = BigInt.asUintN(size * 8, BigInt(value));
    for (let i = 0; i < size; i++) {
      this.#buffer[start + i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    return this;
  }

  compact(value: number | bigint): this {
    const n = BigInt(value);
    if (n < 0x40n) return this.u8(Number(n) << 2);
    if (n < 0x4000n) return this.uint((n << 2n) | 1n, 2);
    if (n < 0x40000000n) return this.uint((n << 2n) | 2n, 4);
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

  raw(count: number): Uint8Array {
    if (count > this.remaining) {
      throw new BadInputError('SCALE_INVALID', `SCALE input ends early: ${count} bytes wanted, ${this.remaining} left`);
    }
    const part = this.#bytes.slice(this.#at, this.#at + count);
    this.#at += count;
    return part;
  }

  u8(): number {
    return this.raw(1)[0]!;
  }

  uint(size: number): bigint {
    const part = this.raw(size);
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(part[i]!);
    return value;
  }

  int(size: number): bigint {
    return BigInt.asIntN(size * 8, this.uint(size));
  }

  compact(): bigint {
    const first = this.u8();
    const mode = first & 3;
    if (mode === 0) return BigInt(first >> 2);
    if (mode === 1) return (BigInt(first) | (this.uint(1) << 8n)) >> 2n;
    if (mode === 2) return (BigInt(first) | (this.uint(3) << 8n)) >> 2n;
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
