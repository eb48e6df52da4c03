import { readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorMessage, OperatorError, pathExists } from '@tuning/kit';
import { type ObjectScan, scanObjects } from './check-objects.ts';
import { checkRepo } from './check-repo.ts';
import { lockData } from './data-lock.ts';
import { Repo } from './repo.ts';
import { TokenStore } from './tokens.ts';

const DAY_MS = 24 * 3_600_000;

export interface HubCheckOptions {
  dataDir: string;
  /** Remove what nothing needs. Default false. */
  repair?: boolean;
  /** Only what is older than this is removed, in ms. Default a day. */
  olderThanMs?: number;
  signal?: AbortSignal;
}

/** Something that nothing needs: rubbish, not damage. */
export interface HubOrphan {
  kind: 'temporary file' | 'unfinished repo' | 'upload in parts' | 'commit' | 'upload' | 'object';
  /** Path below the data folder; for an `upload` the repo and the sha256. */
  where: string;
  bytes: number;
  removed: boolean;
}

export interface HubReport {
  repos: number;
  commits: number;
  objects: number;
  /** Of all objects. */
  bytes: number;
  /** Lost or changed content: never repaired here, bring back a backup. */
  problems: { where: string; message: string }[];
  orphans: HubOrphan[];
}

/**
 * Reads a hub's data folder from end to end: every object against its name, commits against their ids, refs against
 * commits, files against objects, sizes and hashes of LFS. With `repair` also removes what nothing needs.
 * @throws OperatorError `HUB_DATA_LOCKED` while a hub uses the folder, `HUB_DATA_MISSING`.
 */
export async function checkHub(options: HubCheckOptions): Promise<HubReport> {
  const { dataDir } = options;
  if (!(await pathExists(join(dataDir, 'VERSION')))) {
    throw new OperatorError('HUB_DATA_MISSING', `${dataDir} is not the data folder of a hub`);
  }
  const unlock = await lockData(dataDir);
  try {
    return await new HubCheck(options).run();
  } finally {
    await unlock();
  }
}

class HubCheck {
  readonly #dataDir: string;
  readonly #repair: boolean;
  readonly #removeBefore: number;
  readonly #signal: AbortSignal | undefined;
  readonly #report: HubReport = { repos: 0, commits: 0, objects: 0, bytes: 0, problems: [], orphans: [] };

  constructor({ dataDir, repair = false, olderThanMs = DAY_MS, signal }: HubCheckOptions) {
    this.#dataDir = dataDir;
    this.#repair = repair;
    this.#removeBefore = Date.now() - olderThanMs;
    this.#signal = signal;
  }

  async run(): Promise<HubReport> {
    await TokenStore.open(this.#dataDir).catch((error: unknown) => this.#problem('tokens.json', errorMessage(error)));
    await this.#leftovers();
    const scan = await scanObjects(join(this.#dataDir, 'objects'), this.#signal);
    this.#report.objects = scan.objects.size;
    for (const { size } of scan.objects.values()) this.#report.bytes += size;
    for (const { path, reason } of scan.damaged) this.#problem(this.#short(path), reason);
    const used = await this.#repos(scan);
    for (const [sha256, object] of scan.objects) {
      if (used.has(sha256)) continue;
      const orphan = { kind: 'object', where: this.#short(object.path), bytes: object.size } as const;
      await this.#orphan(orphan, object.modifiedMs, () => rm(object.path, { force: true }));
    }
    return this.#report;
  }

  /** What writes and uploads that never ended have left. */
  async #leftovers(): Promise<void> {
    const folders = ['', 'tmp', 'uploads'];
    for (const repo of await this.#names('repos')) folders.push(join('repos', repo), join('repos', repo, 'commits'));
    for (const folder of folders) {
      for (const name of await this.#names(folder)) {
        const where = join(folder, name);
        const kind = folder === 'uploads' ? 'upload in parts' : 'temporary file';
        if (folder === 'tmp' || folder === 'uploads' || /\.[0-9a-f]{12}\.tmp$/.test(name)) {
          await this.#fileOrphan(kind, where);
        }
      }
    }
  }

  /** @returns sha256 of all objects that stay in use. */
  async #repos(scan: ObjectScan): Promise<Set<string>> {
    const used = new Set<string>();
    const names = new Map<string, string>();
    for (const id of await this.#names('repos')) {
      this.#signal?.throwIfAborted();
      const where = join('repos', id);
      if (!(await pathExists(join(this.#dataDir, where, 'repo.json')))) {
        await this.#fileOrphan('unfinished repo', where);
        continue;
      }
      let repo: Repo;
      try {
        repo = await Repo.load(join(this.#dataDir, where));
      } catch (error) {
        this.#problem(where, `cannot be read: ${errorMessage(error)}`);
        continue;
      }
      const name = `${repo.type} ${repo.fullName}`;
      const twin = names.get(name.toLowerCase());
      if (twin) this.#problem(where, `has the same name as ${twin}: ${name}`);
      names.set(name.toLowerCase(), where);
      if (repo.id !== id) this.#problem(where, `calls itself ${repo.id}`);
      await this.#repo(repo, `${where} (${name})`, scan, used);
    }
    return used;
  }

  async #repo(repo: Repo, where: string, scan: ObjectScan, used: Set<string>): Promise<void> {
    this.#report.repos += 1;
    this.#report.commits += repo.commitIds.size;
    const check = await checkRepo(repo, scan.objects);
    for (const message of check.problems) this.#problem(where, message);
    await this.#unreachable(repo, check.unreachable);
    // Objects of a commit that was just removed stay until the next look: they may be in use elsewhere.
    for (const sha256 of check.used) used.add(sha256);
    const idle = [...repo.owned].filter(([sha256]) => !check.used.has(sha256));
    const dropped: string[] = [];
    for (const [sha256, bytes] of idle) {
      const object = scan.objects.get(sha256);
      const kept = await this.#orphan(
        { kind: 'upload', where: `${repo.type} ${repo.fullName} ${sha256}`, bytes },
        object?.modifiedMs ?? 0,
        async () => {
          dropped.push(sha256);
        },
      );
      if (kept) used.add(sha256);
    }
    if (dropped.length > 0) {
      await repo.change(() => {
        for (const sha256 of dropped) repo.owned.delete(sha256);
      });
    }
  }

  /** A commit stays as long as a younger one that follows it. */
  async #unreachable(repo: Repo, ids: readonly string[]): Promise<void> {
    const whereOf = (id: string) => join('repos', basename(repo.folder), 'commits', `${id}.json`);
    const newest = new Map<string, number>();
    for (const id of ids) {
      const { mtimeMs } = await stat(join(this.#dataDir, whereOf(id)));
      for (let at: string | null = id; at !== null && ids.includes(at); ) {
        newest.set(at, Math.max(mtimeMs, newest.get(at) ?? 0));
        at = (await repo.commit(at).catch(() => undefined))?.parent ?? null;
      }
    }
    for (const [id, modifiedMs] of newest) {
      const { size } = await stat(join(this.#dataDir, whereOf(id)));
      await this.#orphan({ kind: 'commit', where: whereOf(id), bytes: size }, modifiedMs, () =>
        rm(join(this.#dataDir, whereOf(id))),
      );
    }
  }

  async #fileOrphan(kind: HubOrphan['kind'], where: string): Promise<void> {
    const path = join(this.#dataDir, where);
    const { mtimeMs, size } = await stat(path);
    await this.#orphan({ kind, where, bytes: size }, mtimeMs, () => rm(path, { recursive: true, force: true }));
  }

  /** @returns true if it stays. */
  async #orphan(
    orphan: Omit<HubOrphan, 'removed'>,
    modifiedMs: number,
    remove: () => Promise<unknown>,
  ): Promise<boolean> {
    const removed = this.#repair && modifiedMs <= this.#removeBefore;
    if (removed) await remove();
    this.#report.orphans.push({ ...orphan, removed });
    return !removed;
  }

  #problem(where: string, message: string): void {
    this.#report.problems.push({ where, message });
  }

  #short(path: string): string {
    return path.slice(this.#dataDir.length + 1);
  }

  async #names(folder: string): Promise<string[]> {
    return readdir(join(this.#dataDir, folder)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
      throw error;
    });
  }
}
