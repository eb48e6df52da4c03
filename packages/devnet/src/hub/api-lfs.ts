import { z } from 'zod';
import { type Exchange, requireWriter, sendJson } from './exchange.ts';
import { HttpError } from './http-error.ts';
import type { Repo } from './repo.ts';
import { bodyChunks, readBody } from './request-body.ts';

const objectSchema = z.object({
  oid: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.number().int().min(0),
});

const batchSchema = z.object({
  operation: z.enum(['upload', 'download']),
  transfers: z.array(z.string()).nullish(),
  // `sha_256` from JavaScript, `sha256` from Python and git-lfs.
  hash_algo: z.enum(['sha256', 'sha_256']).nullish(),
  objects: z.array(objectSchema).max(1000),
});

function sendLfs(x: Exchange, value: unknown): void {
  sendJson(x, value, { 'Content-Type': 'application/vnd.git-lfs+json' });
}

/** POST /{repo}.git/info/lfs/objects/batch: where to PUT each object that this repo does not have yet. */
export async function lfsBatch(x: Exchange, repo: Repo): Promise<void> {
  const { tokenId } = requireWriter(x, repo);
  const body = await readBody(x, batchSchema);
  if (body.operation === 'download') throw new HttpError(422, 'Download through /resolve');
  // Two paths with equal content name one object twice.
  const wanted = new Map(body.objects.map((object) => [object.oid, object]));
  const objects = [...wanted.values()].map(({ oid, size }) => {
    if (size > x.limits.objectBytes) {
      return { oid, size, error: { code: 422, message: `Objects over ${x.limits.objectBytes} bytes are refused` } };
    }
    if (repo.owned.get(oid) === size) return { oid, size, authenticated: true };
    // Offered even if another repo has the object: the client must prove that it has the bytes.
    const href = `${x.base}${x.links.link({ action: 'PUT', repoId: repo.id, sha256: oid, size, tokenId, chunk: 0, part: 0 })}`;
    const verify = { href: `${x.base}${repo.webPath}.git/info/lfs/verify` };
    return { oid, size, authenticated: true, actions: { upload: { href }, verify } };
  });
  sendLfs(x, { transfer: 'basic', objects, hash_algo: 'sha256' });
}

/** POST /{repo}.git/info/lfs/verify */
export async function lfsVerify(x: Exchange, repo: Repo): Promise<void> {
  requireWriter(x, repo);
  const { oid, size } = await readBody(x, objectSchema);
  if (repo.owned.get(oid) !== size) throw new HttpError(404, 'This object was not uploaded to this repo');
  sendJson(x, {});
}

/** PUT /_lfs/{repo id}/{sha256}?size&exp&sig */
export async function lfsUpload(x: Exchange, repoId: string, sha256: string): Promise<void> {
  const right = x.links.check(repoId, sha256, x.query);
  if (right.action !== 'PUT') throw new HttpError(403, 'This upload link is for another request');
  x.tokens.requireLive(right.tokenId);
  const repo = x.repos.byId(repoId);
  if (!repo) throw new HttpError(404, 'The repo of this upload is gone');
  const announced = x.req.headers['content-length'];
  if (announced !== undefined && Number(announced) !== right.size) {
    throw new HttpError(400, `Content-Length is ${announced}, the object has ${right.size} bytes`);
  }
  await x.objects.putStream(sha256, right.size, bodyChunks(x, right.size));
  await repo.locked(async () => {
    if (x.repos.byId(repoId) !== repo) throw new HttpError(404, 'The repo of this upload is gone');
    // Hours may have passed since the first byte.
    x.tokens.requireLive(right.tokenId);
    repo.owned.set(sha256, right.size);
    await repo.save();
  });
  x.res.writeHead(200, { ETag: `"${sha256}"`, 'Content-Length': 0 }).end();
}
