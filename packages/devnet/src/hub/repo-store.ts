import { randomBytes, randomUUID } from 'node:crypto';
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './file-system.ts';
import { HttpError } from './http-error.ts';
import { Repo, type RepoType } from './repo.ts';

function keyOf(type: RepoType, fullName: string): string {
  return `${type}:${fullName.toLowerCase()}`;
}

/** All repos of the hub, found by type and name (case-insensitive). The folders are the only index on disk. */
export class RepoStore {
  readonly #root: string;
  readonly #temporary: string;
  readonly #byName = new Map<string, Repo>();

  private constructor(root: string, temporary: string) {
    this.#root = root;
    this.#temporary = temporary;
  }

  /** @param temporary folder on the same file system; deleted repos go through it. */
  static async open(root: string, temporary: string): Promise<RepoStore> {
    const store = new RepoStore(root, temporary);
    await mkdir(root, { recursive: true });
    for (const id of await readdir(root)) {
      const folder = join(root, id);
      const complete = await access(join(folder, 'repo.json')).then(
        () => true,
        () => false,
      );
      // A creation that died before its first save.
      if (!complete) await rm(folder, { recursive: true, force: true });
      else {
        await dropTemporary(folder);
        await dropTemporary(join(folder, 'commits'));
        const repo = await Repo.load(folder);
        store.#byName.set(keyOf(repo.type, repo.fullName), repo);
      }
    }
    return store;
  }

  find(type: RepoType, fullName: string): Repo | undefined {
    return this.#byName.get(keyOf(type, fullName));
  }

  byId(id: string): Repo | undefined {
    for (const repo of this.#byName.values()) if (repo.id === id) return repo;
    return undefined;
  }

  ofNamespace(namespace: string): Repo[] {
    return [...this.#byName.values()].filter((repo) => repo.namespace === namespace);
  }

  list(type: RepoType): Repo[] {
    return [...this.#byName.values()].filter((repo) => repo.type === type);
  }

  /**
   * Makes an empty repo; `first` makes its first commit before anybody can see it.
   * @throws HttpError 409 if the name is taken.
   */
  async create(
    args: { type: RepoType; namespace: string; name: string; private: boolean },
    first: (repo: Repo) => Promise<void>,
  ): Promise<Repo> {
    const id = randomBytes(12).toString('hex');
    const repo = new Repo(join(this.#root, id), { id, ...args, createdAt: new Date().toISOString() });
    const key = keyOf(repo.type, repo.fullName);
    const taken = this.#byName.get(key);
    if (taken) {
      throw new HttpError(409, `You already created this ${taken.type} repo`, {
        body: { url: taken.webPath, name: taken.fullName, id: taken.id },
      });
    }
    this.#byName.set(key, repo);
    try {
      // Others find the repo at once but wait for the lock; readers get an empty repo for a moment.
      await repo.locked(() => first(repo));
      await syncFolder(this.#root);
    } catch (error) {
      this.#byName.delete(key);
      await rm(repo.folder, { recursive: true, force: true });
      throw error;
    }
    return repo;
  }

  async delete(repo: Repo): Promise<void> {
    await repo.locked(async () => {
      this.#byName.delete(keyOf(repo.type, repo.fullName));
      const grave = join(this.#temporary, randomUUID());
      await rename(repo.folder, grave);
      repo.markDeleted();
      await rm(grave, { recursive: true, force: true });
    });
  }
}

/** Removes what a process that died inside `writeFileAtomic` left in a folder. */
export async function dropTemporary(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/\.[0-9a-f]{12}\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
  }
}
