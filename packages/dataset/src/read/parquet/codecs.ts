import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { compressors } from 'hyparquet-compressors';
import { ZstdFrames } from '../zstd/zstd-frames.ts';

/** One decompression, given the length that must come out and never making more than that. */
type Codec = (input: Uint8Array, length: number) => Uint8Array;

/** Node's own where it has one; the others are bounded by the length they are given. */
const CODECS: Readonly<Record<string, Codec>> = {
  UNCOMPRESSED: (input) => input,
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
  ZSTD: unzstd,
  SNAPPY: (input, length) => snappy(input, length),
  LZ4: (input, length) => compressors.LZ4!(input, length),
  LZ4_RAW: (input, length) => compressors.LZ4_RAW!(input, length),
};

/** @throws Error where the bytes do not unpack to exactly `length`. */
export function decompress(codec: string, input: Uint8Array, length: number): Uint8Array {
  const unpack = Object.hasOwn(CODECS, codec) ? CODECS[codec] : undefined;
  if (!unpack) throw new Error(`it is compressed with ${codec}, which is not read`);
  if (length === 0) return new Uint8Array(0);
  const output = unpack(input, length);
  if (output.length !== length) throw new Error(`a page has ${output.length} bytes, its header names ${length}`);
  return output;
}

function unzstd(input: Uint8Array, length: number): Uint8Array {
  const output = new Uint8Array(length);
  let at = 0;
  const frames = new ZstdFrames();
  for (const piece of frames.push(input)) {
    if (at + piece.length > length) throw new Error('a page unpacks to more than its header names');
    output.set(piece, at);
    at += piece.length;
  }
  frames.end();
  return output.subarray(0, at);
}

function snappy(input: Uint8Array, length: number): Uint8Array {
  // The length stands in front; the decoder would make room for whatever it says.
  let claimed = 0;
  for (let i = 0; i < 5; i++) {
    claimed += (input[i]! & 0x7f) * 2 ** (7 * i);
    if (!(input[i]! & 0x80)) break;
  }
  if (claimed !== length) throw new Error(`a page unpacks to ${claimed} bytes, its header names ${length}`);
  return compressors.SNAPPY!(input, length);
}
