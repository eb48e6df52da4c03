import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, errorMessage, OperatorError, writeFileAtomic } from '@tuning/kit';
import lockfile from 'proper-lockfile';
import { z } from 'zod';
import { hostIdentity } from './host-identity.ts';

const chainFileSchema = z.object({ genesisHash: z.string(), netuid: z.number(), hotkey: z.string() });

export interface DataFolder {
  readonly path: string;
  /** Absolute path of an entry in the folder. */
  file(...parts: string[]): string;
  release(): Promise<void>;
}

/**
 * Makes the daemon's data folder (0700) and holds its lock: two daemons on one folder would commit and weigh twice.
 * @param onLost called when somebody else took the lock away; the daemon must end.
 * @throws OperatorError DATA_DIR_LOCKED, DATA_DIR_UNUSABLE.
 */
export async function openDataFolder(path: string, onLost: () => void = () => {}): Promise<DataFolder> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new OperatorError('DATA_DIR_UNUSABLE', `can't make the data folder ${path}: ${errorMessage(error)}`);
  }
  let release: () => Promise<void>;
  try {
    release = await takeLock(path, onLost);
  } catch (error) {
    if (errorCode(error) !== 'ELOCKED') {
      throw new OperatorError('DATA_DIR_UNUSABLE', `can't lock the data folder ${path}: ${errorMessage(error)}`);
    }
    throw new OperatorError(
      'DATA_DIR_LOCKED',
      `the data folder ${path} is in use by another daemon: stop it, or give --data-dir (${errorMessage(error)})`,
    );
  }
  return { path, file: (...parts) => join(path, ...parts), release };
}

/**
 * The lock has a heartbeat and counts as stale after 10 s without one. A daemon that was killed is noticed at once by its
 * process id, so that a restart does not lose those seconds.
 */
async function takeLock(path: string, onLost: () => void): Promise<() => Promise<void>> {
  const lockfilePath = join(path, 'daemon.lock');
  const pidFile = join(path, 'daemon.pid');
  if (await holderIsDead(pidFile)) await rm(lockfilePath, { recursive: true, force: true });
  const release = await lockfile.lock(path, {
    lockfilePath,
    stale: 10_000,
    update: 3_000,
    retries: { retries: 14, factor: 1, minTimeout: 1_000, maxTimeout: 1_000 },
    onCompromised: onLost,
  });
  await writeFileAtomic(pidFile, `${await identityText()} ${process.pid}\n`);
  return release;
}

/**
 * True for one caller only, and only where the holder ran on this very boot of this very host: a process id says nothing
 * about another machine or container that shares the folder.
 */
async function holderIsDead(pidFile: string): Promise<boolean> {
  const text = await readFile(pidFile, 'utf8').catch(() => '');
  const [identity, pid] = text.trim().split(' ');
  if (identity !== (await identityText()) || !(Number(pid) > 0) || isAlive(Number(pid))) return false;
  const mine = `${pidFile}.${process.pid}`;
  try {
    // Of two that start at once, one wins the rename.
    await rename(pidFile, mine);
    await rm(mine, { force: true });
    return true;
  } catch {
    return false;
  }
}

async function identityText(): Promise<string> {
  const { host, boot } = await hostIdentity();
  return `${host}/${boot}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/**
 * Binds the folder to one chain, subnet and hotkey at first use; state of another chain must not be taken up.
 * @throws OperatorError DATA_DIR_OTHER_CHAIN.
 */
export async function bindDataFolder(
  folder: DataFolder,
  owner: { genesisHash: string; netuid: number; hotkey: string },
): Promise<void> {
  const file = folder.file('chain.json');
  let known: unknown;
  try {
    known = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') {
      throw new OperatorError('DATA_DIR_UNUSABLE', `can't read ${file}: ${errorMessage(error)}`);
    }
    await writeFileAtomic(file, `${JSON.stringify(owner)}\n`);
    return;
  }
  const parsed = chainFileSchema.safeParse(known);
  if (parsed.success && JSON.stringify(parsed.data) === JSON.stringify(owner)) return;
  throw new OperatorError(
    'DATA_DIR_OTHER_CHAIN',
    `the data folder ${folder.path} belongs to another chain, subnet or hotkey: give another --data-dir, or move it away`,
  );
}
