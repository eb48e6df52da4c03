import { z } from 'zod';
import { clamped, type Exchange, flag, nextLink, sendJson } from './exchange.ts';
import { type FileEntry, lfsPointer, treeIds } from './git-objects.ts';
import { entryNotFound } from './http-error.ts';
import type { Commit, Repo } from './repo.ts';
import { checked, readBody } from './request-body.ts';

const EXPANDED_PAGE = 100;

/** Describes files and folders of one commit in the hub's words. */
class TreeView {
  readonly #repo: Repo;
  readonly #commit: Commit;
  readonly #folders: Map<string, string>;
  readonly #expand: boolean;

  constructor(repo: Repo, commit: Commit, expand: boolean) {
    this.#repo = repo;
    this.#commit = commit;
    this.#folders = treeIds(commit.manifest);
    this.#expand = expand;
  }

  isFolder(path: string): boolean {
    return this.#folders.has(path);
  }

  /** Folders, then files, each in order of their names, below `path`. */
  entries(path: string, recursive: boolean): { type: 'directory' | 'file'; path: string }[] {
    const prefix = path === '' ? '' : `${path}/`;
    const below = (name: string): boolean =>
      name !== '' && name.startsWith(prefix) && (recursive || !name.slice(prefix.length).includes('/'));
    return [
      ...[...this.#folders.keys()]
        .filter(below)
        .sort()
        .map((folder) => ({ type: 'directory' as const, path: folder })),
      ...[...this.#commit.manifest.keys()]
        .filter(below)
        .sort()
        .map((file) => ({ type: 'file' as const, path: file })),
    ];
  }

  async describe(path: string): Promise<Record<string, unknown> | undefined> {
    const entry = this.#commit.manifest.get(path);
    if (entry) return this.#describeFile(path, entry);
    const oid = path === '' ? undefined : this.#folders.get(path);
    if (oid === undefined) return undefined;
    return { type: 'directory', oid, size: 0, path, ...(await this.#lastCommitOfFolder(path)) };
  }

  async #describeFile(path: string, entry: FileEntry): Promise<Record<string, unknown>> {
    const pointerSize = entry.lfs ? lfsPointer(entry.sha256, entry.size).length : 0;
    return {
      type: 'file',
      oid: entry.oid,
      size: entry.size,
      path,
      ...(entry.lfs ? { lfs: { oid: entry.sha256, size: entry.size, pointerSize } } : {}),
      ...(this.#expand
        ? {
            lastCommit: lastCommitOf(await this.#repo.commit(entry.last)),
            securityFileStatus: { status: 'unscanned', avScan: null, pickleImportScan: null },
          }
        : {}),
    };
  }

  async #lastCommitOfFolder(path: string): Promise<Record<string, unknown>> {
    if (!this.#expand) return {};
    const ids = new Set<string>();
    for (const [name, entry] of this.#commit.manifest) if (name.startsWith(`${path}/`)) ids.add(entry.last);
    let newest: Commit | undefined;
    for (const id of ids) {
      const commit = await this.#repo.commit(id);
      if (!newest || commit.depth > newest.depth) newest = commit;
    }
    return newest ? { lastCommit: lastCommitOf(newest) } : {};
  }
}

function lastCommitOf(commit: Commit): { id: string; title: string; date: string } {
  return { id: commit.id, title: commit.title, date: new Date(commit.date).toISOString() };
}

/** GET /api/{type}s/{repo}/tree/{revision}[/{path}] */
export async function listTree(x: Exchange, repo: Repo, segments: string[]): Promise<void> {
  const { commit, path } = await repo.splitRevision(segments);
  const expand = flag(x.query, 'expand');
  const view = new TreeView(repo, commit, expand);
  if (path !== '' && !view.isFolder(path)) throw entryNotFound(commit.id);
  const all = view.entries(path, flag(x.query, 'recursive'));
  const most = Math.min(x.limits.treePage, expand ? EXPANDED_PAGE : x.limits.treePage);
  const limit = clamped(x.query.get('limit'), most, 1, most);
  const cursor = x.query.get('cursor');
  const at = clamped(cursor === null ? null : Buffer.from(cursor, 'base64url').toString(), 0, 0, all.length);
  const page = all.slice(at, at + limit);
  const rows: unknown[] = [];
  for (const entry of page) rows.push(await view.describe(entry.path));
  const next = at + limit;
  sendJson(x, rows, {
    'X-Repo-Commit': commit.id,
    ...(next < all.length ? { Link: nextLink(x, 'cursor', Buffer.from(String(next)).toString('base64url')) } : {}),
  });
}

const pathsSchema = z.object({
  paths: z.union([z.string(), z.array(z.string()).max(10_000)]),
  // A form gives lists of text, JSON a boolean.
  expand: z.union([z.boolean(), z.string(), z.array(z.string())]).optional(),
});

/** POST /api/{type}s/{repo}/paths-info/{revision}: paths that do not exist are left out of the answer. */
export async function pathsInfo(x: Exchange, repo: Repo, segments: string[]): Promise<void> {
  const { commit } = await repo.splitRevision(segments);
  const body = checked(pathsSchema, await readBody(x, z.unknown()));
  const expand = String(Array.isArray(body.expand) ? body.expand[0] : body.expand).toLowerCase() === 'true';
  const view = new TreeView(repo, commit, expand);
  const rows: unknown[] = [];
  for (const path of new Set(typeof body.paths === 'string' ? [body.paths] : body.paths)) {
    const row = await view.describe(path);
    if (row) rows.push(row);
  }
  sendJson(x, rows);
}
