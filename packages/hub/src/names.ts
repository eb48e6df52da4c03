import { BadInputError } from '@tuning/kit';
import { repoIdSchema, repoPathSchema, revisionSchema } from '@tuning/protocol';
import type { RepoRef } from './hub.ts';

/**
 * Refuses what the hub library would put unescaped into a URL, where it could name another endpoint.
 * @throws BadInputError `HUB_BAD_NAME`.
 */
export function requireRepo({ type, repo }: RepoRef): void {
  if ((type !== 'model' && type !== 'dataset') || !repoIdSchema.safeParse(repo).success) {
    throw new BadInputError(
      'HUB_BAD_NAME',
      `not a repo of the hub: ${JSON.stringify(repo)}; it must be namespace/name`,
    );
  }
}

/** @throws BadInputError `HUB_BAD_NAME` unless it is a 40-hex commit id. */
export function requireCommitId(revision: string): void {
  if (!revisionSchema.safeParse(revision).success) {
    throw new BadInputError('HUB_BAD_NAME', `not a 40-hex commit id: ${JSON.stringify(revision)}`);
  }
}

/** A branch, tag or commit id. @throws BadInputError `HUB_BAD_NAME`. */
export function requireRevisionName(revision: string): void {
  if (!/^\w[\w./-]{0,199}$/.test(revision) || revision.includes('..')) {
    throw new BadInputError('HUB_BAD_NAME', `not a revision: ${JSON.stringify(revision)}`);
  }
}

/**
 * Refuses paths that leave the folder, that hub clients mangle, that occur twice, or that are a file and a folder.
 * @throws BadInputError `HUB_BAD_PATH`.
 */
export function requirePaths(paths: readonly string[]): void {
  const files = new Set<string>();
  for (const path of paths) {
    const result = repoPathSchema.safeParse(path);
    if (!result.success) throw badPath(path, result.error.issues[0]?.message ?? 'is not a plain path');
    if (files.has(path)) throw badPath(path, 'occurs twice');
    files.add(path);
  }
  for (const path of files) {
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      if (files.has(path.slice(0, at))) throw badPath(path.slice(0, at), 'is a file and a folder');
    }
  }
}

export function badPath(path: string, reason: string): BadInputError {
  return new BadInputError('HUB_BAD_PATH', `path ${JSON.stringify(path.slice(0, 200))} ${reason}`);
}
