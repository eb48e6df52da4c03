import type { FoundObject } from './check-objects.ts';
import { blobId, commitId, type FileEntry, lfsPointer, treeIds } from './git-objects.ts';
import type { Commit, Repo } from './repo.ts';
import { badPath } from './repo-path.ts';

export interface RepoCheck {
  problems: string[];
  /** Objects that a file of a commit needs. */
  used: Set<string>;
  /** Commits that no branch or tag leads to: of deleted branches, or of a crash before the branch moved. */
  unreachable: string[];
}

/** Holds refs to commits, commits to their ids, files to objects. */
export async function checkRepo(repo: Repo, objects: ReadonlyMap<string, FoundObject>): Promise<RepoCheck> {
  const check: RepoCheck = { problems: [], used: new Set(), unreachable: [] };
  const reachable = new Set<string>();
  for (const [name, tip] of [...repo.branches, ...repo.tags]) {
    let id: string | null = tip;
    while (id !== null && !reachable.has(id)) {
      if (!repo.commitIds.has(id)) {
        check.problems.push(`${name} leads to commit ${id}, which is not there`);
        break;
      }
      reachable.add(id);
      const commit: Commit | undefined = await repo.commit(id).catch(() => undefined);
      id = commit?.parent ?? null;
    }
  }
  for (const id of repo.commitIds) {
    if (!reachable.has(id)) check.unreachable.push(id);
    try {
      checkCommit(repo, await repo.commit(id), id, objects, check);
    } catch (error) {
      check.problems.push(`commit ${id} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const [sha256, size] of repo.owned) {
    const found = objects.get(sha256);
    if (found?.size !== size) check.problems.push(`LFS object ${sha256} of ${size} bytes is not there`);
  }
  return check;
}

function checkCommit(
  repo: Repo,
  commit: Commit,
  id: string,
  objects: ReadonlyMap<string, FoundObject>,
  check: RepoCheck,
): void {
  const { parent, author, date, title, message, manifest } = commit;
  const tree = treeIds(manifest).get('') as string;
  const text = message === '' ? title : `${title}\n\n${message}`;
  if (commit.id !== id || commitId({ tree, parent, author, date, message: text }) !== id) {
    check.problems.push(`commit ${id} does not have the content of its id`);
  }
  if (parent !== null && !repo.commitIds.has(parent)) {
    check.problems.push(`commit ${id} follows commit ${parent}, which is not there`);
  }
  for (const [path, entry] of manifest) {
    check.used.add(entry.sha256);
    const reason = fileProblem(path, entry, repo, objects.get(entry.sha256));
    if (reason) check.problems.push(`commit ${id}: ${JSON.stringify(path)} ${reason}`);
  }
}

function fileProblem(path: string, entry: FileEntry, repo: Repo, found: FoundObject | undefined): string | undefined {
  const bad = badPath(path);
  if (bad) return bad;
  if (!found) return `needs object ${entry.sha256}, which is not there`;
  if (found.size !== entry.size) return `has ${found.size} bytes, not ${entry.size}`;
  const oid = entry.lfs ? blobId(lfsPointer(entry.sha256, entry.size)) : found.blobId;
  if (oid !== entry.oid) return `has git id ${oid}, not ${entry.oid}`;
  if (entry.lfs && !repo.owned.has(entry.sha256)) return 'is an LFS object that this repo does not own';
  if (!repo.commitIds.has(entry.last)) return `was last changed by commit ${entry.last}, which is not there`;
  return undefined;
}
