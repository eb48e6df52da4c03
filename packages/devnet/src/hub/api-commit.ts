import { z } from 'zod';
import { type Exchange, requireWriter, sendJson } from './exchange.ts';
import { blobId, type FileEntry, lfsPointer, type Manifest } from './git-objects.ts';
import { entryNotFound, HttpError } from './http-error.ts';
import { requireQuota } from './quota.ts';
import type { Repo } from './repo.ts';
import { badPath } from './repo-path.ts';
import { bodyLines, checked, readBody } from './request-body.ts';

/** Always LFS, whatever the size: what huggingface.co's default .gitattributes names and this project uses. */
const LFS_EXTENSIONS = /\.(safetensors|parquet|bin|pt|pth|onnx|gguf|npy|npz|zip|gz|zst|tar|arrow|png|jpe?g)$/i;

const preuploadSchema = z.object({
  files: z
    .array(z.object({ path: z.string(), size: z.number().int().min(0), sample: z.string().max(4096).nullish() }))
    .max(1000),
});

function branchOf(repo: Repo, name: string): string {
  const branch = name.replace(/^refs\/heads\//, '');
  if (!repo.branches.has(branch)) throw new HttpError(404, 'Invalid rev id', { hubCode: 'RevisionNotFound' });
  return branch;
}

function requirePath(path: string): void {
  const reason = badPath(path);
  if (reason) throw new HttpError(422, `Path ${JSON.stringify(path.slice(0, 100))} ${reason}`);
}

/** POST /api/{type}s/{repo}/preupload/{branch}: the server decides what goes to LFS. */
export async function preupload(x: Exchange, repo: Repo, name: string): Promise<void> {
  requireWriter(x, repo);
  const body = await readBody(x, preuploadSchema);
  const head = await repo.commit(repo.branches.get(branchOf(repo, name)) as string);
  const files = body.files.map(({ path, size, sample }) => {
    requirePath(path);
    const binary = Buffer.from(sample ?? '', 'base64').includes(0);
    const lfs = size > 0 && (size >= x.limits.lfsBytes || binary || LFS_EXTENSIONS.test(path));
    const present = head.manifest.get(path);
    return {
      path,
      uploadMode: lfs ? 'lfs' : 'regular',
      shouldIgnore: false,
      ...(present ? { oid: present.lfs ? present.sha256 : present.oid } : {}),
    };
  });
  sendJson(x, { files, commitOid: head.id });
}

const lineSchema = z.discriminatedUnion('key', [
  z.object({
    key: z.literal('header'),
    value: z.object({
      summary: z.string().max(10_000),
      description: z.string().max(100_000).nullish(),
      parentCommit: z.string().nullish(),
    }),
  }),
  z.object({
    key: z.literal('file'),
    value: z.object({ path: z.string(), content: z.string(), encoding: z.enum(['base64', 'utf-8']).nullish() }),
  }),
  z.object({
    key: z.literal('lfsFile'),
    value: z.object({
      path: z.string(),
      algo: z.string().nullish(),
      oid: z.string().regex(/^[0-9a-f]{64}$/),
      size: z.number().int().min(0).nullish(),
    }),
  }),
  z.object({ key: z.literal('deletedFile'), value: z.object({ path: z.string() }) }),
  z.object({ key: z.literal('deletedFolder'), value: z.object({ path: z.string() }) }),
]);

type Change = { path: string } & ({ kind: 'put'; entry: FileEntry } | { kind: 'delete' } | { kind: 'deleteFolder' });

/** POST /api/{type}s/{repo}/commit/{branch}: NDJSON, read line by line; all of it lands or none. */
export async function commit(x: Exchange, repo: Repo, name: string): Promise<void> {
  const { namespace, tokenId } = requireWriter(x, repo);
  const branch = branchOf(repo, name);
  if (x.query.has('create_pr')) throw new HttpError(400, 'This hub has no pull requests: commit to the branch');
  const { header, changes } = await readCommit(x, repo);
  const done = await repo.locked(async () => {
    // It may have been revoked while the body arrived.
    x.tokens.requireLive(tokenId);
    const head = await repo.commit(repo.branches.get(branch) as string);
    if (header.parentCommit && header.parentCommit !== head.id) {
      throw new HttpError(412, 'The branch was updated since you opened this page. Please refresh and try again.');
    }
    const plain = changes.reduce((sum, put) => sum + (put.kind === 'put' && !put.entry.lfs ? put.entry.size : 0), 0);
    if (plain > 0) requireQuota(x, repo.namespace, plain);
    const manifest: Manifest = new Map(head.manifest);
    for (const change of changes) applyChange(manifest, change, head.id);
    refuseFileAsFolder(manifest);
    return repo.addCommit({
      branch,
      parent: head,
      author: namespace,
      title: header.summary,
      message: header.description ?? '',
      manifest,
    });
  });
  sendJson(x, {
    success: true,
    commitOid: done.id,
    commitUrl: `${x.base}${repo.webPath}/commit/${done.id}`,
    hookOutput: '',
  });
}

async function readCommit(x: Exchange, repo: Repo) {
  let header: { summary: string; description?: string | null | undefined; parentCommit?: string | null | undefined } = {
    summary: 'Commit',
  };
  const changes: Change[] = [];
  const seen = new Set<string>();
  for await (const text of bodyLines(x, x.limits.commitBytes)) {
    if (text.trim() === '') continue;
    if (changes.length >= x.limits.commitOperations) throw new HttpError(413, 'Too many operations in one commit');
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new HttpError(400, 'A line of the commit is not JSON');
    }
    const { key, value } = checked(lineSchema, json);
    if (key === 'header') {
      header = value;
      continue;
    }
    const path = key === 'deletedFolder' ? value.path.replace(/\/$/, '') : value.path;
    requirePath(path);
    if (seen.has(path)) throw new HttpError(422, `Path ${JSON.stringify(path)} occurs twice in the commit`);
    seen.add(path);
    if (key === 'deletedFile') changes.push({ kind: 'delete', path });
    else if (key === 'deletedFolder') changes.push({ kind: 'deleteFolder', path });
    else if (key === 'file') {
      changes.push({ kind: 'put', path, entry: await storeFile(x, value.content, value.encoding ?? 'base64') });
    } else changes.push({ kind: 'put', path, entry: ownedObject(repo, path, value.oid, value.size ?? undefined) });
  }
  return { header, changes };
}

async function storeFile(x: Exchange, text: string, encoding: 'base64' | 'utf-8'): Promise<FileEntry> {
  if (encoding === 'base64' && (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))) {
    throw new HttpError(400, 'A file of the commit is not base64');
  }
  const content = Buffer.from(text, encoding === 'base64' ? 'base64' : 'utf8');
  const sha256 = await x.objects.put(content);
  return { oid: blobId(content), sha256, size: content.length, lfs: false, last: '' };
}

/** An object may only be used by a repo it was uploaded to: knowing its hash must not give access to it. */
function ownedObject(repo: Repo, path: string, sha256: string, size: number | undefined): FileEntry {
  const owned = repo.owned.get(sha256);
  if (owned === undefined || (size !== undefined && size !== owned)) {
    throw new HttpError(422, `The LFS object of ${JSON.stringify(path)} was not uploaded to this repo`);
  }
  return { oid: blobId(lfsPointer(sha256, owned)), sha256, size: owned, lfs: true, last: '' };
}

function applyChange(manifest: Manifest, change: Change, head: string): void {
  if (change.kind === 'put') {
    const present = manifest.get(change.path);
    // An unchanged file keeps the commit that last changed it.
    if (present?.oid !== change.entry.oid) manifest.set(change.path, { ...change.entry });
  } else if (change.kind === 'delete') {
    if (!manifest.delete(change.path)) throw entryNotFound(head);
  } else {
    const inside = [...manifest.keys()].filter((path) => path.startsWith(`${change.path}/`));
    if (inside.length === 0) throw entryNotFound(head);
    for (const path of inside) manifest.delete(path);
  }
}

function refuseFileAsFolder(manifest: Manifest): void {
  for (const path of manifest.keys()) {
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      if (manifest.has(path.slice(0, at))) {
        throw new HttpError(422, `${JSON.stringify(path.slice(0, at))} would be a file and a folder`);
      }
    }
  }
}
