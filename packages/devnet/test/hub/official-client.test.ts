import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  commit,
  createBranch,
  createRepo,
  deleteFile,
  deleteRepo,
  downloadFile,
  fileDownloadInfo,
  fileExists,
  HubApiError,
  listCommits,
  listFiles,
  listModels,
  modelInfo,
  pathsInfo,
  repoExists,
  snapshotDownload,
  uploadFiles,
  whoAmI,
} from '@huggingface/hub';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type HubFixture, openHub } from './local-hub.ts';

/** The unmodified JavaScript client of Hugging Face against our hub. */
describe('local hub through @huggingface/hub', () => {
  let f: HubFixture;
  let folder: string;
  const big = randomBytes(12_000_000);
  const files = new Map<string, Uint8Array>([
    ['README.md', Buffer.from('# hello\n')],
    ['data/train.jsonl', Buffer.from('{"a":1}\n'.repeat(10))],
    ['data/deep/er/ä b.txt', Buffer.from('spaces and umlauts')],
    ['empty.txt', new Uint8Array()],
    ['model.safetensors', big],
    ['model-copy.safetensors', big],
    ['__proto__', Buffer.from('not lost')],
  ]);
  const auth = () => ({ hubUrl: f.hub.endpoint, accessToken: f.alice });
  let revision = '';

  beforeAll(async () => {
    f = await openHub({ limits: { treePage: 4 } });
    folder = await mkdtemp(join(tmpdir(), 'hub-cache-'));
    await createRepo({ repo: 'alice/first', visibility: 'private', ...auth() });
    const done = await uploadFiles({
      repo: 'alice/first',
      files: [...files].map(([path, content]) => ({ path, content: new Blob([content as Uint8Array<ArrayBuffer>]) })),
      commitTitle: 'all kinds',
      ...auth(),
    });
    revision = done?.commit.oid ?? '';
  });
  afterAll(async () => {
    await f.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('says whose token it is', async () => {
    const me = await whoAmI(auth());
    expect(me).toMatchObject({ name: 'alice', type: 'user', auth: { accessToken: { role: 'write' } } });
  });

  it('lists all files over several pages with git and LFS ids', async () => {
    const rows = new Map<string, { size: number; oid?: string; lfs?: { oid: string } }>();
    for await (const row of listFiles({ repo: 'alice/first', revision, recursive: true, ...auth() })) {
      if (row.type === 'file') rows.set(row.path, row);
    }
    expect([...rows.keys()].sort()).toEqual([...files.keys(), '.gitattributes'].sort());
    expect(rows.get('model.safetensors')?.lfs?.oid).toBe(createHash('sha256').update(big).digest('hex'));
    // git hash-object of the two files
    expect(rows.get('empty.txt')?.oid).toBe('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391');
    expect(rows.get('data/train.jsonl')?.oid).toBe('9383e46e75a584f936fcf6ae3e393964e6270724');
  });

  it('gives every file back at the revision', async () => {
    for (const [path, content] of files) {
      const blob = await downloadFile({ repo: 'alice/first', path, revision, ...auth() });
      const bytes = Buffer.from((await blob?.arrayBuffer()) ?? new ArrayBuffer(1));
      expect(bytes.equals(content), path).toBe(true);
    }
  });

  it('serves a range of a large file', async () => {
    const blob = await downloadFile({ repo: 'alice/first', path: 'model.safetensors', revision, ...auth() });
    const part = Buffer.from((await blob?.slice(1000, 66_546).arrayBuffer()) ?? new ArrayBuffer(0));
    expect(part.equals(big.subarray(1000, 66_546))).toBe(true);
  });

  it('takes a snapshot', async () => {
    const silence = vi.spyOn(console, 'debug').mockImplementation(() => {});
    const path = await snapshotDownload({ repo: 'alice/first', revision, cacheDir: folder, ...auth() });
    silence.mockRestore();
    expect((await readFile(join(path, 'model.safetensors'))).equals(big)).toBe(true);
    expect(await readFile(join(path, 'empty.txt'), 'utf8')).toBe('');
  });

  it('describes repo, paths and history', async () => {
    const info = await modelInfo({ name: 'alice/first', additionalFields: ['sha'], ...auth() });
    expect(info).toMatchObject({ name: 'alice/first', private: true, sha: revision });
    const paths = await pathsInfo({ repo: 'alice/first', paths: ['README.md', 'data', 'absent'], ...auth() });
    expect(paths.map((row) => [row.path, row.type])).toEqual([
      ['README.md', 'file'],
      ['data', 'directory'],
    ]);
    const titles: string[] = [];
    for await (const row of listCommits({ repo: 'alice/first', ...auth() })) titles.push(row.title);
    expect(titles).toEqual(['all kinds', 'initial commit']);
    expect(await fileExists({ repo: 'alice/first', path: 'README.md', ...auth() })).toBe(true);
    expect(await fileDownloadInfo({ repo: 'alice/first', path: 'absent', ...auth() })).toBe(null);
  });

  it('shows a private repo to no other token and to no stranger', async () => {
    for (const accessToken of [f.bob, undefined]) {
      const other = { hubUrl: f.hub.endpoint, ...(accessToken ? { accessToken } : {}) };
      expect(await repoExists({ repo: 'alice/first', ...other })).toBe(false);
      await expect(modelInfo({ name: 'alice/first', ...other })).rejects.toThrow(HubApiError);
      const names: string[] = [];
      for await (const row of listModels({ ...other })) names.push(row.name);
      expect(names).not.toContain('alice/first');
    }
  });

  it('keeps old revisions when main moves and branches stay', async () => {
    await createBranch({ repo: 'alice/first', branch: 'dev/x', ...auth() });
    const gone = await deleteFile({ repo: 'alice/first', path: 'README.md', ...auth() });
    expect(gone?.commit.oid).toMatch(/^[0-9a-f]{40}$/);
    expect(await fileExists({ repo: 'alice/first', path: 'README.md', ...auth() })).toBe(false);
    for (const old of [revision, revision.slice(0, 7), 'dev/x', 'refs/heads/dev/x']) {
      expect(await fileExists({ repo: 'alice/first', path: 'README.md', revision: old, ...auth() }), old).toBe(true);
    }
  });

  it('refuses a commit on a stale parent', async () => {
    const stale = commit({
      repo: 'alice/first',
      title: 'stale',
      parentCommit: revision,
      operations: [{ operation: 'addOrUpdate', path: 'x', content: new Blob(['x']) }],
      ...auth(),
    });
    await expect(stale).rejects.toMatchObject({ statusCode: 412 });
  });

  it('refuses writes with a read token or into another namespace', async () => {
    const hubUrl = f.hub.endpoint;
    const upload = (accessToken: string) =>
      uploadFiles({ repo: 'alice/first', files: [{ path: 'x', content: new Blob(['x']) }], hubUrl, accessToken });
    await expect(upload(f.aliceReader)).rejects.toMatchObject({ statusCode: 403 });
    await expect(upload(f.bob)).rejects.toMatchObject({ statusCode: 404 });
    const create = (accessToken: string) => createRepo({ repo: 'alice/new', hubUrl, accessToken });
    await expect(create(f.bob)).rejects.toMatchObject({ statusCode: 403 });
    await expect(create(f.aliceReader)).rejects.toMatchObject({ statusCode: 403 });
    await expect(create('hf_unknown')).rejects.toMatchObject({ statusCode: 401 });
  });

  it('keeps models and datasets apart, names case-insensitive, and deletes for good', async () => {
    await createRepo({ repo: 'datasets/alice/first', visibility: 'public', ...auth() });
    await expect(createRepo({ repo: 'datasets/alice/FIRST', ...auth() })).rejects.toMatchObject({ statusCode: 409 });
    expect(await repoExists({ repo: 'datasets/Alice/First', hubUrl: f.hub.endpoint })).toBe(true);
    await deleteRepo({ repo: 'datasets/alice/first', ...auth() });
    expect(await repoExists({ repo: 'datasets/alice/first', ...auth() })).toBe(false);
    expect(await repoExists({ repo: 'alice/first', ...auth() })).toBe(true);
  });
});
