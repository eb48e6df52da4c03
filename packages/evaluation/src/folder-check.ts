import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Verdict } from '@tuning/protocol';
import { isSubmissionFile } from './file-list.ts';

/**
 * Judges the folder that a submission was put into, whatever its file list promised: plain files with a submission's
 * names, each with that one name only. A file with a second name can change while it is read.
 * @returns the verdict `unexpected_file`, or undefined where the folder is fine.
 * @throws where there is no such folder.
 */
export async function checkFolder(dir: string): Promise<Verdict | undefined> {
  for (const name of (await readdir(dir)).sort()) {
    const problem = isSubmissionFile(name) ? await problemOf(join(dir, name)) : 'has no place in a submission';
    if (problem === undefined) continue;
    const shown = name.slice(0, 200);
    return { code: 'unexpected_file', reason: `${shown} ${problem}`, evidence: { path: shown } };
  }
  return undefined;
}

async function problemOf(path: string): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return 'went away while it was looked at';
  if (found.isSymbolicLink()) return 'is a symbolic link, not a file';
  if (!found.isFile()) return 'is not a regular file';
  return found.nlink > 1 ? 'is a hard link: it has a second name elsewhere' : undefined;
}
