import { statfs } from 'node:fs/promises';
import { errorCode, errorMessage } from './errors.ts';

const CODES = new Set(['DISK_FULL', 'ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'STORE_DISK_FULL']);
/** Words of the system, for errors that were handed on as text only. */
const WORDS = /\bENOSPC\b|\bEDQUOT\b|no space left on device|disk quota exceeded/i;
const MAX_CAUSES = 8;

/** Whether a text (the last words of a program, say) speaks of a full disk. */
export function saysDiskFull(text: string): boolean {
  return WORDS.test(text);
}

/** Whether an error, or what caused it, is a disk without room or a quota that is used up. */
export function isDiskFull(error: unknown): boolean {
  let at = error;
  for (let depth = 0; at !== undefined && at !== null && depth < MAX_CAUSES; depth += 1) {
    if (CODES.has(errorCode(at) ?? '') || saysDiskFull(errorMessage(at))) return true;
    at = (at as { cause?: unknown }).cause;
  }
  return false;
}

/** Bytes that the file system of a folder has left for us. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
