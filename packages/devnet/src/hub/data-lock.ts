import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
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

/** What stands in a lock whose owner is dead; undefined: it lives. */
async function staleText(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const [pidText, start] = text.trim().split(' ');
  const pid = Number(pidText);
  const dead =
    !Number.isInteger(pid) ||
    pid <= 0 ||
    // Not by this process, which knows what it holds: one before it had the same number.
    pid === process.pid ||
    !isAlive(pid) ||
    (start !== undefined && startOf(pid) !== undefined && startOf(pid) !== start);
  return dead ? text : undefined;
}

function locked(root: string): OperatorError {
  return new OperatorError(
    'HUB_DATA_LOCKED',
    `the hub's data folder ${root} is in use by another process: stop that one or name another folder`,
  );
}

/**
 * Takes `root/LOCK`, so that two hubs never write one folder. A lock left by a dead process is taken over.
 * @returns the release. @throws OperatorError `HUB_DATA_LOCKED`.
 */
export async function lockData(root: string): Promise<() => Promise<void>> {
  if (held.has(root)) throw locked(root);
  held.add(root);
  const file = join(root, 'LOCK');
  try {
    await takeLock(root, file);
  } catch (error) {
    held.delete(root);
    throw error;
  }
  return async () => {
    await rm(file, { force: true });
    held.delete(root);
  };
}

async function takeLock(root: string, file: string): Promise<void> {
  // Linking a finished file is one step: nobody sees a lock without its owner.
  const mine = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  const grave = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(mine, `${process.pid} ${startOf(process.pid) ?? ''}\n`, { mode: 0o600, flag: 'wx' });
    for (;;) {
      try {
        await link(mine, file);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const dead = await staleText(file);
      if (dead === undefined) throw locked(root);
      try {
        await rename(file, grave);
      } catch (error) {
        // Somebody else was faster, or its owner has gone.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
        throw error;
      }
      if ((await readFile(grave, 'utf8')) !== dead) {
        // Another process had taken the dead lock over in the meantime: give it back.
        await link(grave, file).catch(() => {});
        throw locked(root);
      }
    }
  } finally {
    await rm(mine, { force: true });
    await rm(grave, { force: true });
  }
}
