import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, OperatorError, writeFileAtomic } from '@tuning/kit';
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
    // A daemon that was killed leaves its lock behind; it counts as stale after 10 s without a heartbeat.
    release = await lockfile.lock(path, {
      lockfilePath: join(path, 'daemon.lock'),
      stale: 10_000,
      update: 3_000,
      retries: { retries: 14, factor: 1, minTimeout: 1_000, maxTimeout: 1_000 },
      onCompromised: () => {},
    });
  } catch (error) {
    throw new OperatorError(
      'DATA_DIR_LOCKED',
      `the data folder ${path} is in use by another daemon: stop it, or give --data-dir (${errorMessage(error)})`,
    );
  }
  return { path, file: (...parts) => join(path, ...parts), release };
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
