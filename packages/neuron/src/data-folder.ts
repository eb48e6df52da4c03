import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, errorMessage, OperatorError, writeFileAtomic } from '@tuning/kit';
import lockfile from 'proper-lockfile';
import { z } from 'zod';

const chainFileSchema = z.object({ genesisHash: z.string(), netuid: z.number(), hotkey: z.string() });

export interface DataFolder {
  readonly path: string;
  /** Absolute path of an entry in the folder. */
  file(...parts: string[]): string;
  release(): Promise<void>;
}

/**
 * Makes the daemon's data folder (0700) and holds its lock: two daemons on one folder would commit and weigh twice.
 * @throws OperatorError DATA_DIR_LOCKED, DATA_DIR_UNUSABLE.
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new OperatorError('DATA_DIR_UNUSABLE', `can't make the data folder ${path}: ${errorMessage(error)}`);
  }
  let release: () => Promise<void>;
  try {
    release = await takeLock(path);
  } catch (error) {
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
async function takeLock(path: string): Promise<() => Promise<void>> {
  const lockfilePath = join(path, 'daemon.lock');
  const pidFile = join(path, 'daemon.pid');
  const holder = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (holder > 0 && !isAlive(holder)) await rm(lockfilePath, { recursive: true, force: true });
  const release = await lockfile.lock(path, {
    lockfilePath,
    stale: 10_000,
    update: 3_000,
    retries: { retries: 14, factor: 1, minTimeout: 1_000, maxTimeout: 1_000 },
    onCompromised: () => {},
  });
  await writeFileAtomic(pidFile, `${process.pid}\n`);
  return release;
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
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    await writeFileAtomic(file, `${JSON.stringify(owner)}\n`);
    return;
  }
  const known = chainFileSchema.safeParse(JSON.parse(text));
  if (known.success && JSON.stringify(known.data) === JSON.stringify(owner)) return;
  throw new OperatorError(
    'DATA_DIR_OTHER_CHAIN',
    `the data folder ${folder.path} belongs to another chain, subnet or hotkey: give another --data-dir, or move it away`,
  );
}
