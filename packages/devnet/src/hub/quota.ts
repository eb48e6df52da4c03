import { statfs } from 'node:fs/promises';
import type { Exchange } from './exchange.ts';
import { HttpError } from './http-error.ts';

/** Bytes that all repos of a namespace hold, every version of every file; objects in two repos count twice. */
export function usedBytes(x: Exchange, namespace: string): number {
  return x.repos.ofNamespace(namespace).reduce((sum, repo) => sum + repo.usedBytes, 0);
}

/** @throws HttpError 403 where `more` bytes would take the namespace over its limit; huggingface.co answers 403, too. */
export function requireQuota(x: Exchange, namespace: string, more: number): void {
  const used = usedBytes(x, namespace);
  const limit = x.limits.namespaceBytes;
  if (used + more > limit) {
    throw new HttpError(
      403,
      `Storage limit reached: namespace ${namespace} holds ${used} of ${limit} bytes and ${more} more are asked for; delete repos or have the limit raised`,
    );
  }
}

/** @throws HttpError 507 where an object of this size would eat into the disk's reserve. */
export async function requireDisk(x: Exchange, size: number): Promise<void> {
  const { bavail, bsize } = await statfs(x.dataDir);
  if (size + x.limits.diskReserveBytes > bavail * bsize) throw new HttpError(507, 'No space left on the hub');
}
