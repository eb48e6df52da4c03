import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { BadInputError, errorCode, errorMessage } from '@tuning/kit';
import { type ReadLimits, tooLarge, unparsable } from './limits.ts';

/** Small enough that parsing one chunk of tiny rows stays far below 50 ms. */
const CHUNK_BYTES = 32 * 1024;

/**
 * Bytes of a file in small chunks; `.gz` is decompressed on the way.
 * @throws BadInputError DATASET_NOT_FOUND, DATASET_NOT_READABLE, DATASET_TOO_LARGE, DATASET_UNPARSABLE (broken gzip).
 */
export async function* fileChunks(path: string, limits: ReadLimits, signal?: AbortSignal): AsyncGenerator<Buffer> {
  signal?.throwIfAborted();
  await requireFile(path);
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const packed = path.endsWith('.gz');
  const source = packed ? file.pipe(createGunzip({ chunkSize: CHUNK_BYTES })) : file;
  // pipe() does not pass errors on; without this a read error of the file would leave the gunzip waiting for ever.
  if (packed) file.on('error', (error) => source.destroy(error));
  let bytes = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      bytes += chunk.length;
      if (bytes > limits.maxBytes) throw tooLarge(path, `has more than ${limits.maxBytes} bytes`);
      yield chunk;
    }
  } catch (error) {
    if (errorCode(error)?.startsWith('Z_')) throw unparsable(path, 1, `not a whole gzip file (${errorMessage(error)})`);
    throw error;
  } finally {
    source.destroy();
    file.destroy();
  }
}

/** @throws BadInputError DATASET_NOT_FOUND, DATASET_NOT_READABLE. */
export async function requireFile(path: string): Promise<void> {
  let isFile: boolean;
  try {
    isFile = (await stat(path)).isFile();
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new BadInputError('DATASET_NOT_FOUND', `there is no dataset file at ${path}: check the path`);
    }
    throw new BadInputError('DATASET_NOT_READABLE', `cannot read the dataset file ${path} (${code ?? 'unknown'})`);
  }
  if (!isFile) throw new BadInputError('DATASET_NOT_FOUND', `${path} is not a file: name one csv or json file`);
}
