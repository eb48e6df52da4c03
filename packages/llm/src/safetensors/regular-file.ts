import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '@tuning/kit';

/** What opening reports for a path that leads to no readable regular file, and what to say of it. */
const NOT_REGULAR: Readonly<Record<string, string>> = {
  ELOOP: 'it is a symbolic link',
  EMLINK: 'it is a symbolic link',
  // A socket, or a device without a driver.
  ENXIO: 'it is not a regular file',
  ENODEV: 'it is not a regular file',
  ENOTDIR: 'its folder is not a folder',
  ENAMETOOLONG: 'its name is too long',
};

/**
 * Opens `name` in `dir` for reading, never through a link and never waiting for the other end of a pipe.
 * @param invalid makes the error for whatever is no regular file.
 * @returns undefined where there is nothing of that name.
 */
export async function openRegularFile(
  dir: string,
  name: string,
  invalid: (problem: string) => Error,
): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(join(dir, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = errorCode(cause) ?? '';
    if (code === 'ENOENT') return undefined;
    const problem = NOT_REGULAR[code];
    throw problem === undefined ? cause : invalid(problem);
  }
  try {
    if (!(await handle.stat()).isFile()) throw invalid('it is not a regular file');
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

const CHUNK_BYTES = 64 * 1024;

/** The whole file, or undefined where it has more than `maxBytes`, counted while reading: a file may grow meanwhile. */
export async function readAtMost(handle: FileHandle, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, total);
    if (bytesRead === 0) return Buffer.concat(chunks, total);
    total += bytesRead;
    if (total > maxBytes) return undefined;
    chunks.push(chunk.subarray(0, bytesRead));
  }
}
