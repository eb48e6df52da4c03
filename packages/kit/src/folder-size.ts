import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of all files under a folder. Links are not followed; what vanishes during the walk counts as nothing. */
export async function folderBytes(folder: string): Promise<number> {
  let total = 0;
  const pending = [folder];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) pending.push(child);
      else if (entry.isFile()) total += (await lstat(child).catch(() => undefined))?.size ?? 0;
    }
  }
  return total;
}
