import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '@tuning/kit';

/** Folders this process holds: its own pid in a LOCK file means nothing otherwise (pid 1 of a restarted container). */
const held = new Set<string>();

/** Start time of a process in clock ticks since boot (field 22 of /proc/<pid>/stat); undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function isStale(file: string, root: string): Promise<boolean> {
  const [pidText, start] = (await readFile(file, 'utf8').catch(() => '')).trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return true;
  if (pid === process.pid) return !held.has(root);
  return !isAlive(pid) || (start !== undefined && startOf(pid) !== undefined && startOf(pid) !== start);
}

/**
 * Takes `root/LOCK`, so that two hubs never write one folder. A lock left by a dead process is taken over.
 * @returns the release. @throws OperatorError `HUB_DATA_LOCKED`.
 */
export async function lockData(root: string): Promise<() => Promise<void>> {
  const file = join(root, 'LOCK');
  // Linking a finished file is one step: nobody sees a lock without its owner.
  const mine = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  await writeFile(mine, `${process.pid} ${startOf(process.pid) ?? ''}\n`, { mode: 0o600, flag: 'wx' });
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        await link(mine, file);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        if (attempt > 0 || !(await isStale(file, root))) {
          throw new OperatorError(
            'HUB_DATA_LOCKED',
            `the hub's data folder ${root} is in use by another process: stop that one or name another folder`,
          );
        }
        await rm(file, { force: true });
      }
    }
  } finally {
    await rm(mine, { force: true });
  }
  held.add(root);
  return async () => {
    held.delete(root);
    await rm(file, { force: true });
  };
}
