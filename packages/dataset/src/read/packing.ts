import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BadInputError, errorCode, errorMessage } from '@tuning/kit';
import { Pacer } from '../slices.ts';
import { ZstdFault } from './zstd/zstd-fault.ts';
import { ZstdFrames } from './zstd/zstd-frames.ts';

export type Packing = 'none' | 'gzip' | 'zstd';

/** What the first bytes of a file say of it, whatever its name says. `parquet` is a format, the rest are refused. */
export type Content = Packing | 'parquet' | 'refused';

const SIGNATURES: readonly { starts: readonly number[]; is: Content; what?: string }[] = [
  { starts: [0x1f, 0x8b], is: 'gzip' },
  { starts: [0x28, 0xb5, 0x2f, 0xfd], is: 'zstd' },
  { starts: [...Buffer.from('PAR1')], is: 'parquet' },
  { starts: [0x50, 0x4b, 0x03, 0x04], is: 'refused', what: 'a zip archive: unpack it, or pack it with gzip or zstd' },
  { starts: [...Buffer.from('BZh')], is: 'refused', what: 'packed with bzip2: pack it with gzip or zstd' },
  { starts: [0xfd, 0x37, 0x7a, 0x58, 0x5a], is: 'refused', what: 'packed with xz: pack it with gzip or zstd' },
  { starts: [...Buffer.from('ARROW1')], is: 'refused', what: 'an Arrow file: write it as parquet' },
  { starts: [0xff, 0xfe], is: 'refused', what: 'UTF-16 text: save it as UTF-8' },
  { starts: [0xfe, 0xff], is: 'refused', what: 'UTF-16 text: save it as UTF-8' },
];
/** Bytes that `contentOf` wants to see. */
export const SIGNATURE_BYTES = 8;

/** @throws BadInputError DATASET_FORMAT_UNSUPPORTED for what is known and not read. @param name for the message. */
export function contentOf(name: string, head: Buffer): Exclude<Content, 'refused'> {
  const known = SIGNATURES.find(({ starts }) => starts.every((byte, i) => head[i] === byte));
  if (known?.is === 'refused') {
    throw new BadInputError('DATASET_FORMAT_UNSUPPORTED', `${name} is ${known.what}`, { details: { file: name } });
  }
  if (known) return known.is as Exclude<Content, 'refused'>;
  // Skippable frames may come first (`pzstd` and the seekable format write them); 0x5? 2a 4d 18.
  return (head[0]! & 0xf0) === 0x50 && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18 ? 'zstd' : 'none';
}

/** Small enough that parsing one chunk of tiny rows stays far below 50 ms. */
export const CHUNK_BYTES = 32 * 1024;

/** Why bytes could not be unpacked. */
export class PackingFault extends Error {
  override readonly name = 'PackingFault';
}

/** The unpacked bytes of a stream in small chunks, its members or frames one after the other. @throws PackingFault. */
export async function* unpacked(source: Readable, packing: Packing): AsyncGenerator<Buffer> {
  if (packing === 'gzip') yield* gunzipped(source);
  else if (packing === 'zstd') yield* unzstd(source);
  else yield* source as AsyncIterable<Buffer>;
}

async function* gunzipped(source: Readable): AsyncGenerator<Buffer> {
  const gunzip = source.pipe(createGunzip({ chunkSize: CHUNK_BYTES }));
  // pipe() does not pass errors on; without this a read error of the file would leave the gunzip waiting for ever.
  source.on('error', (error) => gunzip.destroy(error));
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    if (!errorCode(error)?.startsWith('Z_')) throw error;
    throw new PackingFault(`not a whole gzip file (${errorMessage(error)})`);
  } finally {
    gunzip.destroy();
  }
}

async function* unzstd(source: Readable): AsyncGenerator<Buffer> {
  const frames = new ZstdFrames();
  const pacer = new Pacer();
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      for (const piece of frames.push(chunk)) {
        if (pacer.due) await pacer.turn();
        for (let at = 0; at < piece.length; at += CHUNK_BYTES) {
          // A copy: the decoder writes over what it gave, and readers keep the end of a chunk until the next one.
          yield Buffer.from(piece.subarray(at, at + CHUNK_BYTES));
        }
      }
    }
    frames.end();
  } catch (error) {
    if (error instanceof ZstdFault) throw new PackingFault(`not a whole zstd file (${error.message})`);
    throw error;
  }
}
