import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { errorCode } from '@tuning/kit';

export interface Claim {
  path: string;
  /** Whether another download works on the same file: then this one's bytes serve nobody else. */
  isShared: boolean;
  release: () => Promise<void>;
}

/** Partial files that downloads of this process write to. */
const ours = new Set<string>();

/**
 * A name for a partial file that nobody else writes to: the wanted one, so that an earlier download is taken up, or one of
 * its own while another download, in this process or another, works on the same file.
 */
export async function claimPartial(wanted: string): Promise<Claim> {
  const lock = `${wanted}.lock`;
  if (ours.has(wanted)) return unshared(wanted);
  ours.add(wanted);
  try {
    if (!(await tookLock(lock))) {
      ours.delete(wanted);
      return unshared(wanted);
    }
  } catch (error) {
    ours.delete(wanted);
    throw error;
  }
  return {
    path: wanted,
    isShared: false,
    release: async () => {
      await rm(lock, { force: true });
      ours.delete(wanted);
    },
  };
}

const unshared = (wanted: string): Claim => ({
  path: wanted.replace(/\.part$/, `-${randomUUID()}.part`),
  isShared: true,
  release: async () => {},
});

/** A lock whose process is gone, or had the number of this one before a restart, is taken over. */
async function tookLock(lock: string): Promise<boolean> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' });
      return true;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const pid = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (pid !== process.pid && isAlive(pid)) return false;
    await rm(lock, { force: true });
  }
  return false;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
