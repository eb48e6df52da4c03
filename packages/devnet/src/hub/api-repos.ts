import { z } from 'zod';
import { clamped, type Exchange, readableRepo, requireWriter, sendJson } from './exchange.ts';
import { blobId, type Manifest } from './git-objects.ts';
import { HttpError, repoNotFound } from './http-error.ts';
import { requireQuota } from './quota.ts';
import type { Commit, Repo, RepoType } from './repo.ts';
import { badPath, isRepoName } from './repo-path.ts';
import { readBody } from './request-body.ts';

/** The first commit of every repo, as on huggingface.co (shortened): it makes `main` exist. */
const GIT_ATTRIBUTES =
  '*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.parquet filter=lfs diff=lfs merge=lfs -text\n';

const visibilitySchema = { visibility: z.enum(['public', 'private']).nullish(), private: z.boolean().nullish() };

const createSchema = z.object({
  name: z.string(),
  organization: z.string().nullish(),
  type: z.enum(['model', 'dataset']).nullish(),
  ...visibilitySchema,
  license: z
    .string()
    .regex(/^[\w.+-]{1,80}$/)
    .nullish(),
  files: z.array(z.object({ path: z.string(), content: z.string(), encoding: z.string() })).nullish(),
});

const deleteSchema = z.object({
  name: z.string(),
  organization: z.string().nullish(),
  type: z.enum(['model', 'dataset']).nullish(),
});

/** `visibility` is what newer clients send, `private` what older ones do. */
function wantsPrivate(body: { visibility?: string | null | undefined; private?: boolean | null | undefined }) {
  return body.visibility ? body.visibility === 'private' : (body.private ?? undefined);
}

function splitName(body: { name: string; organization?: string | null | undefined }, fallback: string) {
  const [first, ...rest] = body.name.split('/');
  return rest.length === 0
    ? { namespace: body.organization ?? fallback, name: first ?? '' }
    : { namespace: first ?? '', name: rest.join('/') };
}

/** POST /api/repos/create */
export async function createRepo(x: Exchange): Promise<void> {
  const { identity } = x;
  if (!identity) throw new HttpError(401, 'Invalid username or password.');
  const body = await readBody(x, createSchema);
  const { namespace, name } = splitName(body, identity.namespace);
  const type: RepoType = body.type ?? 'model';
  if (!isRepoName(namespace) || !isRepoName(name)) throw new HttpError(400, 'Invalid repo name');
  if (identity.namespace !== namespace) {
    throw new HttpError(403, `You don't have the rights to create a ${type} under the namespace "${namespace}"`);
  }
  if (identity.role !== 'write') throw new HttpError(403, 'This token has no write permission: use a write token');

  const files = new Map([['.gitattributes', Buffer.from(GIT_ATTRIBUTES)]]);
  if (body.license) files.set('README.md', Buffer.from(`---\nlicense: ${body.license}\n---\n`));
  for (const file of body.files ?? []) {
    const reason = badPath(file.path);
    if (reason) throw new HttpError(422, `Path ${reason}`);
    files.set(file.path, Buffer.from(file.content, file.encoding === 'base64' ? 'base64' : 'utf8'));
  }
  requireQuota(
    x,
    namespace,
    [...files.values()].reduce((sum, { length }) => sum + length, 0),
  );
  const manifest: Manifest = new Map();
  for (const [path, content] of files) {
    const sha256 = await x.objects.put(content);
    manifest.set(path, { oid: blobId(content), sha256, size: content.length, lfs: false, last: '' });
  }
  try {
    const repo = await x.repos.create({ type, namespace, name, private: wantsPrivate(body) ?? false }, async (repo) => {
      await repo.addCommit({
        branch: 'main',
        parent: undefined,
        author: namespace,
        title: 'initial commit',
        message: '',
        manifest,
      });
    });
    sendJson(x, { url: `${x.base}${repo.webPath}`, name: repo.fullName, id: repo.id });
  } catch (error) {
    if (error instanceof HttpError && error.status === 409) {
      const url = `${x.base}${String(error.body['url'])}`;
      throw new HttpError(409, error.message, { body: { ...error.body, url } });
    }
    throw error;
  }
}

/** DELETE /api/repos/delete */
export async function deleteRepo(x: Exchange): Promise<void> {
  const body = await readBody(x, deleteSchema);
  const { namespace, name } = splitName(body, x.identity?.namespace ?? '');
  const repo = readableRepo(x, body.type ?? 'model', `${namespace}/${name}`);
  requireWriter(x, repo);
  await x.repos.delete(repo);
  x.res.writeHead(200, { 'Content-Length': 0 }).end();
}

/** PUT /api/{type}s/{repo}/settings */
export async function changeSettings(x: Exchange, repo: Repo): Promise<void> {
  requireWriter(x, repo);
  const body = await readBody(x, z.object(visibilitySchema));
  const makePrivate = wantsPrivate(body);
  await repo.locked(async () => {
    if (makePrivate === undefined || makePrivate === repo.private) return;
    await repo.change(() => {
      repo.private = makePrivate;
    });
  });
  sendJson(x, { private: repo.private, gated: false });
}

function describe(repo: Repo, head: Commit | undefined, withBlobs: boolean): Record<string, unknown> {
  const siblings = [...(head?.manifest ?? [])].map(([rfilename, entry]) => ({
    rfilename,
    ...(withBlobs ? { size: entry.size, blobId: entry.oid } : {}),
    ...(withBlobs && entry.lfs ? { lfs: { sha256: entry.sha256, size: entry.size } } : {}),
  }));
  return {
    _id: repo.id,
    id: repo.fullName,
    ...(repo.type === 'model' ? { modelId: repo.fullName } : {}),
    author: repo.namespace,
    sha: head?.id,
    lastModified: head ? new Date(head.date).toISOString() : repo.createdAt,
    createdAt: repo.createdAt,
    private: repo.private,
    gated: false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: [],
    xetEnabled: false,
    usedStorage: [...(head?.manifest.values() ?? [])].reduce((sum, entry) => sum + entry.size, 0),
    siblings: siblings.sort((a, b) => (a.rfilename < b.rfilename ? -1 : 1)),
  };
}

/** GET /api/{type}s/{repo}[/revision/{revision}] */
export async function repoInfo(x: Exchange, repo: Repo, revision: string[]): Promise<void> {
  const { commit, path } = await repo.splitRevision(revision.length === 0 ? ['HEAD'] : revision);
  if (path !== '') {
    throw new HttpError(404, `Invalid rev id: ${encodeURIComponent(revision.join('/'))}`, {
      hubCode: 'RevisionNotFound',
    });
  }
  sendJson(x, describe(repo, commit, x.query.has('blobs')));
}

/** GET /api/{type}s: newest first, only what this client may see. */
export async function listRepos(x: Exchange, type: RepoType): Promise<void> {
  const author = x.query.get('author');
  const search = x.query.get('search')?.toLowerCase();
  const limit = clamped(x.query.get('limit'), 100, 1, 1000);
  const found = x.repos
    .list(type)
    .filter((repo) => !repo.private || repo.namespace === x.identity?.namespace)
    .filter((repo) => author === null || repo.namespace === author)
    .filter((repo) => search === undefined || repo.fullName.toLowerCase().includes(search))
    .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
    .slice(0, limit);
  const rows: unknown[] = [];
  for (const repo of found) {
    const id = repo.revision('HEAD');
    const { siblings: _siblings, ...row } = describe(repo, id ? await repo.commit(id) : undefined, false);
    rows.push(row);
  }
  sendJson(x, rows);
}

/** GET /api/{type}s/{repo}/auth-check[/write] */
export function authCheck(x: Exchange, repo: Repo, right: string | undefined): void {
  if (right === 'write') requireWriter(x, repo);
  else if (right !== undefined && right !== 'read') throw repoNotFound(x.identity !== undefined);
  sendJson(x, {});
}
