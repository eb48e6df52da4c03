import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hostIdentity } from './host-identity.ts';

/**
 * How long a lease counts that nobody renews, in ms. Its owner may have been killed while a sealed job goes on that reads
 * the model; such a job may take a day.
 */
export const LEASE_MS = 25 * 3_600_000;
const RENEW_MS = 3_600_000;

const leaseSchema = z.object({ host: z.string(), boot: z.string() });

/** Files that say who uses what of a cache folder: `<root>/.leases/<entry>~<id>`. Other processes see them, too. */
export class CacheLeases {
  readonly #folder: string;

  constructor(root: string) {
    this.#folder = join(root, '.leases');
  }

  /** @returns gives the entry back. */
  async take(entry: string): Promise<() => Promise<void>> {
    await mkdir(this.#folder, { recursive: true });
    const file = join(this.#folder, `${entry}~${randomUUID()}`);
    try {
      await writeFile(file, JSON.stringify({ ...(await hostIdentity()), pid: process.pid }));
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
    const renewing = setInterval(() => void touch(file), RENEW_MS);
    renewing.unref();
    return async () => {
      clearInterval(renewing);
      await rm(file, { force: true });
    };
  }

  /** Entries that are in use. Leases that count no more are deleted. */
  async inUse(now = Date.now()): Promise<Set<string>> {
    const here = await hostIdentity();
    const used = new Set<string>();
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const file = join(this.#folder, name);
      const info = await stat(file).catch(() => undefined);
      if (!info) continue;
      const { data: owner } = leaseSchema.safeParse(parsed(await readFile(file, 'utf8').catch(() => '')));
      // Nothing of what ran here before a reboot runs on.
      const isOver = owner?.host === here.host && owner.boot !== here.boot;
      if (isOver || now - info.mtimeMs > LEASE_MS) await rm(file, { force: true });
      else used.add(name.slice(0, name.lastIndexOf('~')));
    }
    return used;
  }
}

/** Notes in an entry's own time stamp that it was used; absent is no fault. */
export async function touch(path: string, at = new Date()): Promise<void> {
  await utimes(path, at, at).catch(() => {});
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
