import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, OperatorError } from '@tuning/kit';

/**
 * Writes a file that must not exist yet, mode 0600 from the start; folders are made 0700. After a crash the file is
 * either whole or absent. Unlike a rename, the link cannot replace a file that another process made meanwhile.
 * @throws OperatorError `WALLET_EXISTS` | `WALLET_NOT_WRITABLE`.
 */
export async function writeNewFile(path: string, data: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw exists(path);
    throw new OperatorError('WALLET_NOT_WRITABLE', `cannot write ${path} (${errorCode(error)}): check its folder`, {
      cause: error,
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

export function exists(path: string): OperatorError {
  return new OperatorError(
    'WALLET_EXISTS',
    `${path} exists already: key files are never overwritten, choose another name`,
  );
}
