import { BadInputError } from '@tuning/kit';

/** What the JavaScript API does not tell of a module. https://webassembly.github.io/spec/core/binary/modules.html */
export interface ModuleInfo {
  /** Least size in pages of the memory that the module imports; undefined when it has its own. */
  importedMemoryPages: number | undefined;
  /** Initial values of its mutable globals; NaN where it is no plain i32 constant. */
  mutableGlobals: readonly number[];
  customSections: ReadonlyMap<string, Uint8Array>;
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const SECTION = { custom: 0, import: 2, global: 6 };
const KIND = { function: 0, table: 1, memory: 2, global: 3 };
const I32_CONST = 0x41;
const END = 0x0b;

class Cursor {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  u8(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new BadInputError('WASM_INVALID', 'the WebAssembly module ends early');
    return byte;
  }

  /** LEB128, unsigned. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new BadInputError('WASM_INVALID', 'the WebAssembly module holds a number that is too long');
  }

  /** LEB128, signed. */
  i32(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return shift < 28 && byte & 0x40 ? value | (-1 << (shift + 7)) : value;
    }
  }

  name(): string {
    const length = this.u32();
    this.at += length;
    return Buffer.from(this.bytes.subarray(this.at - length, this.at)).toString('utf8');
  }

  limits(): number {
    const flags = this.u8();
    const least = this.u32();
    if (flags & 1) this.u32();
    return least;
  }
}

export function isWasm(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/** BadInputError WASM_INVALID. */
export function readModuleInfo(wasm: Uint8Array): ModuleInfo {
  if (!isWasm(wasm)) throw new BadInputError('WASM_INVALID', 'these bytes are no WebAssembly module');
  const cursor = new Cursor(wasm);
  cursor.at = MAGIC.length;
  const customSections = new Map<string, Uint8Array>();
  let importedMemoryPages: number | undefined;
  let mutableGlobals: number[] = [];
  while (cursor.at < wasm.length) {
    const id = cursor.u8();
    const size = cursor.u32();
    const end = cursor.at + size;
    if (id === SECTION.custom) {
      const name = cursor.name();
      customSections.set(name, wasm.subarray(cursor.at, end));
    } else if (id === SECTION.import) {
      importedMemoryPages = readImports(cursor);
    } else if (id === SECTION.global) {
      mutableGlobals = readMutableGlobals(cursor);
    }
    cursor.at = end;
  }
  return { importedMemoryPages, mutableGlobals, customSections };
}

function readImports(cursor: Cursor): number | undefined {
  let pages: number | undefined;
  for (let left = cursor.u32(); left > 0; left--) {
    cursor.name();
    cursor.name();
    const kind = cursor.u8();
    if (kind === KIND.function) cursor.u32();
    else if (kind === KIND.table) {
      cursor.u8();
      cursor.limits();
    } else if (kind === KIND.memory) pages = cursor.limits();
    else if (kind === KIND.global) cursor.at += 2;
    else throw new BadInputError('WASM_INVALID', `the WebAssembly module imports something of unknown kind ${kind}`);
  }
  return pages;
}

function readMutableGlobals(cursor: Cursor): number[] {
  const values: number[] = [];
  for (let left = cursor.u32(); left > 0; left--) {
    cursor.u8();
    const mutable = cursor.u8() === 1;
    const constant = cursor.u8() === I32_CONST ? cursor.i32() : undefined;
    if (mutable) values.push(constant ?? Number.NaN);
    // Without a plain constant the end of the expression is not known without decoding it: what follows stays unread.
    if (constant === undefined || cursor.u8() !== END) return [Number.NaN, Number.NaN];
  }
  return values;
}
