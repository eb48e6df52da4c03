import { BadInputError } from '@tuning/kit';
import { Decompress } from 'fzstd';
import { isWasm } from './module-info.ts';

/** Marks a compressed runtime: what follows is one Zstandard frame (sp_maybe_compressed_blob::ZSTD_PREFIX). */
const ZSTD_PREFIX = [0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05];
/** As sp_maybe_compressed_blob::CODE_BLOB_BOMB_LIMIT: 50 MiB. */
const MAX_WASM_BYTES = 50 * 1024 * 1024;

export function isCompressed(code: Uint8Array): boolean {
  return ZSTD_PREFIX.every((byte, i) => code[i] === byte);
}

/** The WebAssembly module in the bytes of `:code`. BadInputError RUNTIME_CODE_INVALID. */
export function wasmOfCode(code: Uint8Array): Uint8Array {
  const wasm = isCompressed(code) ? decompress(code.subarray(ZSTD_PREFIX.length)) : code;
  if (!isWasm(wasm)) {
    throw new BadInputError(
      'RUNTIME_CODE_INVALID',
      `runtime code of ${code.length} bytes is neither WebAssembly nor compressed WebAssembly (prefix 52bc537646db8e05)`,
    );
  }
  return wasm;
}

function decompress(frame: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stream = new Decompress((chunk) => {
    length += chunk.length;
    if (length > MAX_WASM_BYTES) throw new Error(`it unpacks to more than ${MAX_WASM_BYTES} bytes`);
    chunks.push(chunk);
  });
  try {
    stream.push(frame, true);
  } catch (error) {
    throw new BadInputError(
      'RUNTIME_CODE_INVALID',
      `compressed runtime code cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  return new Uint8Array(Buffer.concat(chunks));
}
