import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@tuning/kit';
import { z } from 'zod';
import { commitId, type Manifest, treeIds } from './git-objects.ts';
import { HttpError, repoNotFound } from './http-error.ts';

export type RepoType = 'model' | 'dataset';

export interface Commit {
  id: string;
  parent: string | null;
  author: string;
  /** ms since 1970; later than the parent's. */
  date: number;
  title: string;
  message: string;
  /** 1 for the first commit. */
  depth: number;
  manifest: Manifest;
}

export interface RepoRecord {
  id: string;
  type: RepoType;
  namespace: string;
  name: string;
  private: boolean;
  createdAt: string;
}

const repoSchema = z.object({
  id: z.string(),
  type: z.enum(['model', 'dataset']),
  namespace: z.string(),
  name: z.string(),
  private: z.boolean(),
  createdAt: z.string(),
  branches: z.array(z.tuple([z.string(), z.string()])),
  tags: z.array(z.tuple([z.string(), z.string()])),
  owned: z.array(z.tuple([z.string(), z.number()])),
  // Absent in folders of older hubs.
  plainBytes: z.number().default(0),
});

const commitSchema = z.object({
  id: z.string(),
  parent: z.string().nullable(),
  author: z.string(),
  date: z.number(),
  title: z.string(),
  message: z.string(),
  depth: z.number(),
  manifest: z.array(
    z.tuple([
      z.string(),
      z.object({ oid: z.string(), sha256: z.string(), size: z.number(), lfs: z.boolean(), last: z.string() }),
    ]),
  ),
});

/** Commits kept in memory per repo; the rest is read again from disk. */
const CACHED_COMMITS = 16;

/**
 * One repo and its folder: `repo.json` (record, refs, LFS objects uploaded to it) and `commits/<id>.json`. Renaming
 * `repo.json` into place is the commit point: a crash before it leaves only garbage.
 */
export class Repo {
  readonly id: string;
  readonly type: RepoType;
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: string;
  readonly folder: string;
  private: boolean;
  readonly branches: Map<string, string>;
  readonly tags: Map<string, string>;
  /** LFS objects that were uploaded to this very repo: sha256 -> size. Being on disk is not enough to use one. */
  readonly owned: Map<string, number>;
  /** Bytes of all versions of files that are not LFS. */
  plainBytes: number;
  readonly commitIds: Set<string>;
  readonly #cache = new Map<string, Commit>();
  #tail: Promise<unknown> = Promise.resolve();
  #deleted = false;

  constructor(
    folder: string,
    record: RepoRecord,
    state: {
      branches?: Iterable<[string, string]>;
      tags?: Iterable<[string, string]>;
      owned?: Iterable<[string, number]>;
      plainBytes?: number;
      commitIds?: Iterable<string>;
    } = {},
  ) {
    this.folder = folder;
    this.id = record.id;
    this.type = record.type;
    this.namespace = record.namespace;
    this.name = record.name;
    this.createdAt = record.createdAt;
    this.private = record.private;
    this.branches = new Map(state.branches ?? []);
    this.tags = new Map(state.tags ?? []);
    this.owned = new Map(state.owned ?? []);
    this.plainBytes = state.plainBytes ?? 0;
    this.commitIds = new Set(state.commitIds ?? []);
  }

  static async load(folder: string): Promise<Repo> {
    const { branches, tags, owned, plainBytes, ...record } = repoSchema.parse(
      JSON.parse(await readFile(join(folder, 'repo.json'), 'utf8')),
    );
    const files = await readdir(join(folder, 'commits'));
    const commitIds = files.filter((file) => /^[0-9a-f]{40}\.json$/.test(file)).map((file) => file.slice(0, 40));
    return new Repo(folder, record, { branches, tags, owned, plainBytes, commitIds });
  }

  get fullName(): string {
    return `${this.namespace}/${this.name}`;
  }

  /** What counts against the limit of its namespace. */
  get usedBytes(): number {
    let sum = this.plainBytes;
    for (const size of this.owned.values()) sum += size;
    return sum;
  }

  /** Path of its pages: models have no prefix. */
  get webPath(): string {
    return this.type === 'dataset' ? `/datasets/${this.fullName}` : `/${this.fullName}`;
  }

  /** Runs `work` alone: no other change to this repo happens meanwhile. @throws HttpError 404 once it is deleted. */
  locked<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(() => {
      // A write that waited behind the deletion would put the folder back.
      if (this.#deleted) throw repoNotFound(true);
      return work();
    });
    this.#tail = result.catch(() => {});
    return result;
  }

  /** Call with the lock held: whoever waits for it is turned away. */
  markDeleted(): void {
    this.#deleted = true;
  }

  /** Changes the repo and saves it; what can't be saved is undone. Call with the lock held. */
  async change(make: () => void): Promise<void> {
    const before = { branches: [...this.branches], tags: [...this.tags], owned: [...this.owned] };
    const { private: wasPrivate, plainBytes } = this;
    try {
      make();
      await this.#save();
    } catch (error) {
      restore(this.branches, before.branches);
      restore(this.tags, before.tags);
      restore(this.owned, before.owned);
      this.private = wasPrivate;
      this.plainBytes = plainBytes;
      throw error;
    }
  }

  async #save(): Promise<void> {
    const record: z.infer<typeof repoSchema> = {
      id: this.id,
      type: this.type,
      namespace: this.namespace,
      name: this.name,
      private: this.private,
      createdAt: this.createdAt,
      branches: [...this.branches],
      tags: [...this.tags],
      owned: [...this.owned],
      plainBytes: this.plainBytes,
    };
    await mkdir(join(this.folder, 'commits'), { recursive: true });
    await writeFileAtomic(join(this.folder, 'repo.json'), JSON.stringify(record));
  }

  async commit(id: string): Promise<Commit> {
    const cached = this.#cache.get(id);
    if (cached) return cached;
    const { manifest, ...rest } = commitSchema.parse(
      JSON.parse(await readFile(join(this.folder, 'commits', `${id}.json`), 'utf8')),
    );
    return this.#remember({ ...rest, manifest: new Map(manifest) });
  }

  #remember(commit: Commit): Commit {
    this.#cache.set(commit.id, commit);
    const oldest = this.#cache.keys().next().value;
    if (this.#cache.size > CACHED_COMMITS && oldest !== undefined) this.#cache.delete(oldest);
    return commit;
  }

  /**
   * Adds a commit on a branch and moves the branch to it. Call with the lock held. Entries of `manifest` whose `last` is
   * empty are the ones this commit changes.
   */
  async addCommit(args: {
    branch: string;
    parent: Commit | undefined;
    author: string;
    title: string;
    message: string;
    manifest: Manifest;
  }): Promise<Commit> {
    const { branch, parent, author, title, message, manifest } = args;
    const date = Math.max(Date.now(), parent ? parent.date + 1 : 0);
    const tree = treeIds(manifest).get('') as string;
    const text = message === '' ? title : `${title}\n\n${message}`;
    const id = commitId({ tree, parent: parent?.id ?? null, author, date, message: text });
    for (const [path, entry] of manifest) if (entry.last === '') manifest.set(path, { ...entry, last: id });
    const commit: Commit = {
      id,
      parent: parent?.id ?? null,
      author,
      date,
      title,
      message,
      depth: (parent?.depth ?? 0) + 1,
      manifest,
    };
    await mkdir(join(this.folder, 'commits'), { recursive: true });
    const file = join(this.folder, 'commits', `${id}.json`);
    await writeFileAtomic(file, JSON.stringify({ ...commit, manifest: [...manifest] }));
    try {
      await this.change(() => {
        this.branches.set(branch, id);
        for (const entry of manifest.values()) if (entry.last === id && !entry.lfs) this.plainBytes += entry.size;
      });
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
    this.commitIds.add(id);
    return this.#remember(commit);
  }

  /**
   * Commit id that a revision names: HEAD, branch, tag, full ref, or a commit id of 7 to 40 digits.
   * Undefined if there is none, or if a short id fits several.
   */
  revision(name: string): string | undefined {
    if (name === 'HEAD') return this.branches.get('main');
    const known =
      this.branches.get(name.replace(/^refs\/heads\//, '')) ?? this.tags.get(name.replace(/^refs\/tags\//, ''));
    if (known !== undefined) return known;
    const id = name.toLowerCase();
    if (this.commitIds.has(id)) return id;
    if (!/^[0-9a-f]{7,39}$/.test(id)) return undefined;
    const matches = [...this.commitIds].filter((known) => known.startsWith(id));
    return matches.length === 1 ? matches[0] : undefined;
  }

  /**
   * Splits URL segments into revision and path. A revision with slashes arrives as one segment (`refs%2Fpr%2F1`) or as
   * several, so the longest run of segments that names something wins.
   * @throws HttpError 404 RevisionNotFound.
   */
  async splitRevision(segments: string[]): Promise<{ name: string; commit: Commit; path: string }> {
    for (let count = Math.min(segments.length, 8); count > 0; count--) {
      const name = segments.slice(0, count).join('/');
      const id = this.revision(name);
      if (id !== undefined) return { name, commit: await this.commit(id), path: segments.slice(count).join('/') };
    }
    const shown = (segments[0] ?? '').replace(/[^\x20-\x7e]/g, '?');
    throw new HttpError(404, `Invalid rev id: ${shown}`, { hubCode: 'RevisionNotFound' });
  }
}

function restore<T>(map: Map<string, T>, entries: readonly [string, T][]): void {
  map.clear();
  for (const [key, value] of entries) map.set(key, value);
}
