import { type FileHandle, open } from 'node:fs/promises';
import { HttpError } from './http-error.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** A full disk, quota of the system or file size limit as 507, which clients understand; anything else as it is. */
export function spaceError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code !== undefined && FULL.has(code) ? new HttpError(507, 'No space left on the hub') : error;
}

/** Writes all of a chunk; one `write` may take less. */
export async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
}

/** Makes renames and new files inside a folder last over a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
