import { z } from 'zod';
import { type Exchange, requireWriter, sendJson } from './exchange.ts';
import { HttpError } from './http-error.ts';
import { partCount, partSize } from './multipart-store.ts';
import { requireDisk, requireQuota } from './quota.ts';
import type { Repo } from './repo.ts';
import { bodyChunks, readBody } from './request-body.ts';
import type { UploadRight } from './upload-links.ts';

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
  const wanted = [...new Map(body.objects.map((object) => [object.oid, object])).values()];
  const missing = wanted.filter(({ oid, size }) => size <= x.limits.objectBytes && repo.owned.get(oid) !== size);
  const asked = missing.reduce((sum, { size }) => sum + size, 0);
  requireQuota(x, repo.namespace, asked);
  await requireDisk(x, asked);
  const inParts = body.transfers?.includes('multipart') === true;
  const objects = wanted.map(({ oid, size }) => {
    if (size > x.limits.objectBytes) {
      return { oid, size, error: { code: 422, message: `Objects over ${x.limits.objectBytes} bytes are refused` } };
    }
    if (repo.owned.get(oid) === size) return { oid, size, authenticated: true };
    // Offered even if another repo has the object: the client must prove that it has the bytes.
    const right = { repoId: repo.id, sha256: oid, size, tokenId };
    const upload = inParts && size > x.limits.multipartBytes ? offerParts(x, right) : offerPut(x, right);
    const verify = { href: `${x.base}${repo.webPath}.git/info/lfs/verify` };
    return { oid, size, authenticated: true, actions: { upload, verify } };
  });
  const transfer = objects.some((object) => object.actions && 'header' in object.actions.upload);
  sendLfs(x, { transfer: transfer ? 'multipart' : 'basic', objects, hash_algo: 'sha256' });
}

type Offered = Pick<UploadRight, 'repoId' | 'sha256' | 'size' | 'tokenId'>;

function offerPut(x: Exchange, right: Offered): { href: string } {
  return { href: `${x.base}${x.links.link({ action: 'PUT', ...right, chunk: 0, part: 0 })}` };
}

/** As huggingface.co offers parts: their URLs under five digits, the URL that ends the upload as `href`. */
function offerParts(x: Exchange, right: Offered): { href: string; header: Record<string, string> } {
  const upload = { ...right, chunk: x.limits.partBytes };
  const header: Record<string, string> = { chunk_size: String(upload.chunk) };
  for (let part = 1; part <= partCount(upload); part++) {
    header[String(part).padStart(5, '0')] = `${x.base}${x.links.link({ action: 'PART', ...upload, part })}`;
  }
  return { href: `${x.base}${x.links.link({ action: 'DONE', ...upload, part: 0 })}`, header };
}

/** POST /{repo}.git/info/lfs/verify */
export async function lfsVerify(x: Exchange, repo: Repo): Promise<void> {
  requireWriter(x, repo);
  const { oid, size } = await readBody(x, objectSchema);
  if (repo.owned.get(oid) !== size) throw new HttpError(404, 'This object was not uploaded to this repo');
  sendJson(x, {});
}

/** PUT, HEAD or POST /_lfs/{repo id}/{sha256}?…: what a signed link allows. */
export async function lfsTransfer(x: Exchange, repoId: string, sha256: string): Promise<void> {
  const right = x.links.check(repoId, sha256, x.query);
  x.tokens.requireLive(right.tokenId);
  const repo = x.repos.byId(repoId);
  if (!repo) throw new HttpError(404, 'The repo of this upload is gone');
  switch (`${x.method} ${right.action}`) {
    case 'PUT PUT':
      return putObject(x, repo, right);
    case 'PUT PART':
      return putPart(x, right);
    case 'HEAD PART':
      return findPart(x, right);
    case 'POST DONE':
      return completeUpload(x, repo, right);
    default:
      throw new HttpError(403, 'This upload link is for another request');
  }
}

function requireLength(x: Exchange, size: number): void {
  const announced = x.req.headers['content-length'];
  if (announced !== undefined && Number(announced) !== size) {
    throw new HttpError(400, `Content-Length is ${announced}, wanted are ${size} bytes`);
  }
}

async function putObject(x: Exchange, repo: Repo, right: UploadRight): Promise<void> {
  requireLength(x, right.size);
  await x.objects.putStream(right.sha256, right.size, bodyChunks(x, right.size));
  await own(x, repo, right);
  x.res.writeHead(200, { ETag: `"${right.sha256}"`, 'Content-Length': 0 }).end();
}

async function putPart(x: Exchange, right: UploadRight): Promise<void> {
  const size = partSize(right, right.part);
  requireLength(x, size);
  const etag = await x.multipart.putPart(right, right.part, bodyChunks(x, size));
  x.res.writeHead(200, { ETag: `"${etag}"`, 'Content-Length': 0 }).end();
}

/** Tells a client that goes on with an upload whether a part is here already; huggingface.co's parts do not. */
async function findPart(x: Exchange, right: UploadRight): Promise<void> {
  const etag = (await x.multipart.parts(right)).get(right.part);
  if (etag === undefined) throw new HttpError(404, 'This part was not uploaded');
  x.res.writeHead(200, { ETag: `"${etag}"` }).end();
}

const completeSchema = z.object({
  oid: z.string(),
  parts: z
    .array(z.object({ partNumber: z.number().int().min(1), etag: z.string().max(200) }))
    .min(1)
    .max(100_000),
});

async function completeUpload(x: Exchange, repo: Repo, right: UploadRight): Promise<void> {
  const { oid, parts } = await readBody(x, completeSchema);
  if (oid !== right.sha256) throw new HttpError(400, 'The link is for another object');
  // A second completion finds the work done.
  if (repo.owned.get(oid) !== right.size) {
    await x.multipart.complete(right, parts, x.objects);
    await own(x, repo, right);
  }
  await x.multipart.discard(right);
  sendJson(x, { success: true });
}

/** The repo may use the object from now on. */
async function own(x: Exchange, repo: Repo, right: UploadRight): Promise<void> {
  await repo.locked(async () => {
    // Hours may have passed since the first byte: the token may be gone, other uploads may have used the space.
    x.tokens.requireLive(right.tokenId);
    if (x.repos.byId(right.repoId) !== repo) throw new HttpError(404, 'The repo of this upload is gone');
    if (repo.owned.has(right.sha256)) return;
    requireQuota(x, repo.namespace, right.size);
    await repo.change(() => repo.owned.set(right.sha256, right.size));
  });
}
