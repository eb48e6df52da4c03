import { open } from 'node:fs/promises';
import { errorCode, OperatorError } from '@tuning/kit';

/** A key file is some hundred bytes; anything far larger is not one. */
const MAX_KEY_FILE_BYTES = 64 * 1024;

/** The bytes of a key file. @throws OperatorError `WALLET_INVALID` when it is too large; what the file system throws. */
export async function readSmallFile(path: string): Promise<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    if (size > MAX_KEY_FILE_BYTES) {
      throw new OperatorError(
        'WALLET_INVALID',
        `${path} has ${size} bytes, which no key file has: name the right file`,
      );
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** Whether something stands at `path`; what cannot be looked at counts as there, since it must not be overwritten. */
export async function isThere(path: string): Promise<boolean> {
  return open(path, 'r').then(
    async (handle) => {
      await handle.close();
      return true;
    },
    (error: unknown) => errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR',
  );
}
