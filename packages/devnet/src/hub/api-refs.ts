import { z } from 'zod';
import { clamped, type Exchange, nextLink, requireWriter, sendJson } from './exchange.ts';
import { HttpError } from './http-error.ts';
import type { Commit, Repo } from './repo.ts';
import { isRefName } from './repo-path.ts';
import { readBody } from './request-body.ts';

/** GET /api/{type}s/{repo}/refs */
export function listRefs(x: Exchange, repo: Repo): void {
  const rows = (refs: Map<string, string>, folder: string) =>
    [...refs].map(([name, targetCommit]) => ({ name, ref: `refs/${folder}/${name}`, targetCommit }));
  sendJson(x, {
    branches: rows(repo.branches, 'heads'),
    tags: rows(repo.tags, 'tags'),
    converts: [],
    ...(x.query.has('include_prs') ? { pullRequests: [] } : {}),
  });
}

/** GET /api/{type}s/{repo}/commits/{revision}, newest first. */
export async function listCommits(x: Exchange, repo: Repo, segments: string[]): Promise<void> {
  const { commit } = await repo.splitRevision(segments);
  const limit = clamped(x.query.get('limit'), 50, 1, 100);
  const page = clamped(x.query.get('p'), 0, 0, commit.depth);
  const rows: unknown[] = [];
  let at: Commit | undefined = commit;
  for (let index = 0; at && index < (page + 1) * limit; index++) {
    if (index >= page * limit) {
      rows.push({
        id: at.id,
        title: at.title,
        message: at.message,
        authors: [{ user: at.author, avatar: '' }],
        date: new Date(at.date).toISOString(),
      });
    }
    at = at.parent === null ? undefined : await repo.commit(at.parent);
  }
  sendJson(x, rows, {
    'X-Total-Count': String(commit.depth),
    ...(at ? { Link: nextLink(x, 'p', String(page + 1)) } : {}),
  });
}

const branchSchema = z.object({
  startingPoint: z.string().nullish(),
  overwrite: z.boolean().nullish(),
  emptyBranch: z.boolean().nullish(),
});

/** POST /api/{type}s/{repo}/branch/{name} */
export async function createBranch(x: Exchange, repo: Repo, name: string): Promise<void> {
  const { namespace } = requireWriter(x, repo);
  const body = await readBody(x, branchSchema);
  if (!isRefName(name)) throw new HttpError(422, 'Invalid branch name');
  await repo.locked(async () => {
    if (repo.branches.has(name) && !body.overwrite) {
      throw new HttpError(409, `Reference refs/heads/${name} already exists`);
    }
    if (body.emptyBranch) {
      const first = { author: namespace, title: 'initial commit', message: '' };
      await repo.addCommit({ ...first, branch: name, parent: undefined, manifest: new Map() });
      return;
    }
    const start = repo.revision(body.startingPoint ?? 'HEAD');
    if (start === undefined) {
      throw new HttpError(404, 'Invalid rev id of the starting point', { hubCode: 'RevisionNotFound' });
    }
    await repo.change(() => repo.branches.set(name, start));
  });
  sendJson(x, {});
}

/** POST /api/{type}s/{repo}/tag/{revision} */
export async function createTag(x: Exchange, repo: Repo, segments: string[]): Promise<void> {
  requireWriter(x, repo);
  const { commit } = await repo.splitRevision(segments);
  const { tag } = await readBody(x, z.object({ tag: z.string() }));
  if (!isRefName(tag)) throw new HttpError(422, 'Invalid tag name');
  await repo.locked(async () => {
    if (repo.tags.has(tag)) throw new HttpError(409, `Reference refs/tags/${tag} already exists`);
    await repo.change(() => repo.tags.set(tag, commit.id));
  });
  sendJson(x, {});
}

/** DELETE /api/{type}s/{repo}/{branch|tag}/{name} */
export async function deleteRef(x: Exchange, repo: Repo, kind: 'branch' | 'tag', name: string): Promise<void> {
  requireWriter(x, repo);
  x.req.resume();
  if (kind === 'branch' && name === 'main') throw new HttpError(403, 'Cannot delete refs/heads/main');
  await repo.locked(async () => {
    const refs = kind === 'branch' ? repo.branches : repo.tags;
    if (!refs.has(name)) throw new HttpError(404, 'Invalid rev id', { hubCode: 'RevisionNotFound' });
    await repo.change(() => refs.delete(name));
  });
  sendJson(x, {});
}
