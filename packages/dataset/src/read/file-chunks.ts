import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { BadInputError, errorCode } from '@tuning/kit';
import { type ReadLimits, tooLarge, unparsable } from './limits.ts';
import { CHUNK_BYTES, type Content, contentOf, PackingFault, SIGNATURE_BYTES, unpacked } from './packing.ts';

/** Told how many bytes of the file have been read, as they lie on disk. */
export type OnBytes = (bytes: number) => void;

/**
 * Bytes of a file in small chunks; gzip and zstd, told by their first bytes, are unpacked on the way.
 * @throws BadInputError DATASET_NOT_FOUND, DATASET_NOT_READABLE, DATASET_TOO_LARGE, DATASET_FORMAT_UNSUPPORTED,
 *   DATASET_UNPARSABLE (broken gzip or zstd).
 */
export async function* fileChunks(
  path: string,
  limits: ReadLimits,
  signal?: AbortSignal,
  onBytes?: OnBytes,
): AsyncGenerator<Buffer> {
  signal?.throwIfAborted();
  const content = await contentOfFile(path);
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  let bytes = 0;
  try {
    for await (const chunk of unpacked(file, content === 'parquet' ? 'none' : content)) {
      signal?.throwIfAborted();
      bytes += chunk.length;
      if (bytes > limits.maxBytes) throw tooLarge(path, `has more than ${limits.maxBytes} bytes`);
      onBytes?.(file.bytesRead);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof PackingFault) {
      throw unparsable(path, 1, `${error.message}, after ${bytes} unpacked bytes`);
    }
    throw error;
  } finally {
    file.destroy();
  }
}

/** What the first bytes say. @throws BadInputError DATASET_NOT_FOUND, DATASET_NOT_READABLE, DATASET_FORMAT_UNSUPPORTED. */
export async function contentOfFile(path: string): Promise<Exclude<Content, 'refused'>> {
  await requireFile(path);
  const handle = await open(path).catch((error: unknown) => {
    throw notReadable(path, error);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0);
    return contentOf(basename(path), buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

/** @throws BadInputError DATASET_NOT_FOUND, DATASET_NOT_READABLE. @returns its bytes on disk. */
export async function requireFile(path: string): Promise<number> {
  const info = await stat(path).catch((error: unknown) => {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new BadInputError('DATASET_NOT_FOUND', `there is no dataset file at ${path}: check the path`);
    }
    throw notReadable(path, error);
  });
  if (!info.isFile()) throw new BadInputError('DATASET_NOT_FOUND', `${path} is not a file: name one csv or json file`);
  return info.size;
}

function notReadable(path: string, error: unknown): BadInputError {
  return new BadInputError(
    'DATASET_NOT_READABLE',
    `cannot read the dataset file ${path} (${errorCode(error) ?? 'unknown'})`,
  );
}
