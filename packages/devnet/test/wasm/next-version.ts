import { wasmOfCode } from '../../src/runtime/wasm/runtime-code.ts';

/** Versions of transactions, which stand beside the version of the code. */
const TRANSACTION_VERSION = 1;
const AUTHORING_VERSION = 1;

/**
 * The same code under the next version number, as an upgrade of a real runtime: in its data, and where it is compiled into
 * the pair (code, transactions) that signatures are judged by.
 * @param code What the state holds under `:code`, as hexadecimal.
 */
export function nextVersion(code: string, version: number): Buffer {
  const wasm = Buffer.from(wasmOfCode(Buffer.from(code.slice(2), 'hex')));
  const inData = replaceAll(wasm, words(AUTHORING_VERSION, version), words(AUTHORING_VERSION, version + 1));
  const compiled = replaceAll(wasm, constant(version), constant(version + 1));
  if (inData === 0 || compiled === 0) throw new Error(`version ${version} was not found in the code`);
  return wasm;
}

const words = (...values: number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);

/** `i64.const` of the pair: both numbers, as two little-endian u32, in LEB128. */
function constant(version: number): Buffer {
  const bytes = [0x42];
  for (let rest = BigInt(version) | (BigInt(TRANSACTION_VERSION) << 32n); ; ) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    // The last byte's sixth bit is the sign.
    const last = rest === 0n && (low & 0x40) === 0;
    bytes.push(last ? low : low | 0x80);
    if (last) return Buffer.from(bytes);
  }
}

function replaceAll(bytes: Buffer, from: Buffer, to: Buffer): number {
  if (from.length !== to.length) throw new Error('the next version is a longer number');
  let found = 0;
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + to.length)) {
    to.copy(bytes, at);
    found++;
  }
  return found;
}
