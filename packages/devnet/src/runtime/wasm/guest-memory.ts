import { Allocator } from './allocator.ts';
import { PAGE_BYTES, type WasmMemory } from './web-assembly.ts';

/** 32-bit linear memory ends at 4 GiB; a runtime that wants more than this is stuck in a loop. */
const MAX_PAGES = 16_384;

const word = new BigInt64Array(1);
const halves = new Uint32Array(word.buffer);

/** What the runtime passes for bytes: address in the low, length in the high half of an i64. */
export function spanOf(pointer: number, length: number): bigint {
  halves[0] = pointer;
  halves[1] = length;
  return word[0]!;
}

/** A guest's linear memory with the host's allocator in it. */
export class GuestMemory {
  readonly allocator: Allocator;
  readonly #memory: WasmMemory;
  #bytes: Buffer;
  #view: DataView;

  constructor(memory: WasmMemory, heapBase: number) {
    this.#memory = memory;
    this.#bytes = Buffer.from(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.allocator = new Allocator(this, heapBase);
  }

  /** Bytes. */
  get size(): number {
    return this.bytes.length;
  }

  /** The whole memory; valid until it grows. */
  get bytes(): Buffer {
    // Growing detaches the old buffer.
    if (this.#bytes.length === 0) {
      this.#bytes = Buffer.from(this.#memory.buffer);
      this.#view = new DataView(this.#memory.buffer);
    }
    return this.#bytes;
  }

  ensure(size: number): void {
    const now = this.size / PAGE_BYTES;
    const needed = Math.ceil(size / PAGE_BYTES);
    if (needed > MAX_PAGES) throw new Error(`the runtime wants more than ${MAX_PAGES} pages of memory`);
    this.#memory.grow(Math.min(MAX_PAGES, Math.max(needed, now * 2)) - now);
    this.#bytes = Buffer.from(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }

  readU32(at: number): number {
    return this.#view.getUint32(at, true);
  }

  writeU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** A view of the bytes at an address; valid until the next call into the guest. */
  at(pointer: number, length: number): Uint8Array {
    const start = pointer >>> 0;
    if (start + length > this.size) throw new Error('the runtime names bytes outside its memory');
    return this.bytes.subarray(start, start + length);
  }

  view(span: bigint): Uint8Array {
    word[0] = span;
    return this.at(halves[0]!, halves[1]!);
  }

  copy(span: bigint): Uint8Array {
    return new Uint8Array(this.view(span));
  }

  /** As a storage key: '0x…'. */
  key(span: bigint): string {
    word[0] = span;
    const start = halves[0]!;
    const end = start + halves[1]!;
    if (end > this.size) throw new Error('the runtime names bytes outside its memory');
    return `0x${this.bytes.toString('hex', start, end)}`;
  }

  text(span: bigint): string {
    return Buffer.from(this.view(span)).toString('utf8');
  }

  /** Copies bytes into a new allocation; gives its address. */
  put(bytes: Uint8Array): number {
    const pointer = this.allocator.allocate(bytes.length);
    this.bytes.set(bytes, pointer);
    return pointer;
  }

  putSpan(bytes: Uint8Array): bigint {
    const pointer = this.put(bytes);
    return spanOf(pointer, bytes.length);
  }

  /** SCALE Option<Vec<u8>>. */
  putOption(value: Uint8Array | undefined): bigint {
    if (value === undefined) return this.putSpan(NONE);
    const prefix = lengthPrefix(value.length);
    const length = 1 + prefix.length + value.length;
    const pointer = this.allocator.allocate(length);
    const { bytes } = this;
    bytes[pointer] = 1;
    bytes.set(prefix, pointer + 1);
    bytes.set(value, pointer + 1 + prefix.length);
    return spanOf(pointer, length);
  }
}

const NONE = new Uint8Array([0]);

/** SCALE compact of a length. */
export function lengthPrefix(length: number): Uint8Array {
  if (length < 0x40) return Uint8Array.of(length << 2);
  if (length < 0x4000) return Uint8Array.of(((length & 0x3f) << 2) | 1, length >> 6);
  if (length < 0x4000_0000) {
    return Uint8Array.of(
      ((length & 0x3f) << 2) | 2,
      (length >> 6) & 0xff,
      (length >> 14) & 0xff,
      (length >> 22) & 0xff,
    );
  }
  throw new Error(`${length} bytes are too many`);
}
