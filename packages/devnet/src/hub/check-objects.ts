import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** One object on disk as its bytes say, not its name. */
export interface FoundObject {
  path: string;
  sha256: string;
  /** Git's id of the content. */
  blobId: string;
  size: number;
  modifiedMs: number;
}

export interface ObjectScan {
  /** By the sha256 in the name; only those whose content has it. */
  objects: Map<string, FoundObject>;
  /** Name and content disagree, or the file is not where its name belongs. */
  damaged: { path: string; reason: string }[];
}

/** Reads every object again. @param root the folder `objects`. */
export async function scanObjects(root: string, signal?: AbortSignal): Promise<ObjectScan> {
  const scan: ObjectScan = { objects: new Map(), damaged: [] };
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true }).catch(() => [])) {
    signal?.throwIfAborted();
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    const expected = join(root, 'sha256', entry.name.slice(0, 2), entry.name.slice(2, 4), entry.name);
    // A planted link could name any file of the machine, so it is not followed.
    if (!entry.isFile()) scan.damaged.push({ path, reason: 'is not a plain file' });
    else if (!/^[0-9a-f]{64}$/.test(entry.name) || path !== expected) {
      scan.damaged.push({ path, reason: 'is not where an object belongs' });
    } else {
      const found = await hashFile(path);
      if (found.sha256 === entry.name) scan.objects.set(entry.name, found);
      else scan.damaged.push({ path, reason: `has the sha256 ${found.sha256}` });
    }
  }
  return scan;
}

async function hashFile(path: string): Promise<FoundObject> {
  const { size, mtimeMs } = await stat(path);
  const sha256 = createHash('sha256');
  const blob = createHash('sha1').update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    sha256.update(chunk);
    blob.update(chunk);
  }
  return { path, sha256: sha256.digest('hex'), blobId: blob.digest('hex'), size, modifiedMs: mtimeMs };
}
