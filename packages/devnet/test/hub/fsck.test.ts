import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBranch, createRepo, deleteBranch, downloadFile, uploadFiles } from '@huggingface/hub';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkHub } from '../../src/hub/index.ts';
import { type HubFixture, openHub } from './local-hub.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

// biome-ignore lint/suspicious/noExplicitAny: the hub's own files and answers, looked into and damaged freely
type Json = any;

/** A stopped hub with two repos, damaged in one way at a time. */
describe('fsck of the local hub', () => {
  let f: HubFixture;
  const model = randomBytes(30_000);
  let folder = '';
  let head = '';

  beforeEach(async () => {
    f = await openHub({ limits: { multipartBytes: 50_000, partBytes: 30_000 } });
    const auth = { hubUrl: f.hub.endpoint, accessToken: f.alice };
    await createRepo({ repo: 'alice/m', ...auth });
    await createRepo({ repo: 'datasets/alice/d', ...auth });
    const files = [
      { path: 'README.md', content: new Blob(['# hello\n']) },
      { path: 'deep/er/model.safetensors', content: new Blob([model]) },
    ];
    const done = await uploadFiles({ repo: 'alice/m', files, ...auth });
    head = done?.commit.oid ?? '';
    await uploadFiles({ repo: 'datasets/alice/d', files, ...auth });
    await f.hub.close();
    for (const id of await readdir(join(f.dataDir, 'repos'))) {
      if ((await readFile(join(f.dataDir, 'repos', id, 'repo.json'), 'utf8')).includes('"model"')) {
        folder = join(f.dataDir, 'repos', id);
      }
    }
  });
  afterEach(() => f.stop());

  const check = (options = {}) => checkHub({ dataDir: f.dataDir, ...options });
  const problems = async () => (await check()).problems.map(({ where, message }) => `${where}: ${message}`);
  const objectOf = (sum: string) => join(f.dataDir, 'objects/sha256', sum.slice(0, 2), sum.slice(2, 4), sum);
  async function edit(file: string, change: (value: Json) => void): Promise<void> {
    const value = JSON.parse(await readFile(file, 'utf8'));
    change(value);
    await writeFile(file, JSON.stringify(value));
  }

  it('finds nothing in a sound folder, counts, and refuses one in use or none at all', async () => {
    const report = await check({ repair: true, olderThanMs: 0 });
    expect(report).toMatchObject({ repos: 2, commits: 4, objects: 3, problems: [], orphans: [] });
    expect(report.bytes).toBe(30_000 + 8 + 96);
    await f.restart();
    await expect(check()).rejects.toMatchObject({ code: 'HUB_DATA_LOCKED' });
    await expect(checkHub({ dataDir: join(f.dataDir, 'tmp') })).rejects.toMatchObject({ code: 'HUB_DATA_MISSING' });
  });

  it('finds an object that was changed, cut, lost, misplaced or replaced by a link', async () => {
    const path = objectOf(sha256(model));
    const changed = Buffer.from(model);
    changed[7] = (changed[7] ?? 0) ^ 1;
    await chmod(path, 0o600);
    for (const bytes of [changed, model.subarray(1), Buffer.alloc(0)]) {
      await writeFile(path, bytes);
      const found = await problems();
      expect(found[0]).toMatch(/^objects\/sha256\/.*: has the sha256 /);
      // Both repos, in their commit and in their list of uploads.
      expect(found.filter((text) => text.includes(sha256(model)) && text.includes('not there'))).toHaveLength(4);
    }
    await rename(path, join(f.dataDir, 'objects', sha256(model)));
    expect((await problems())[0]).toContain('is not where an object belongs');
    await symlink(join(f.dataDir, 'objects', sha256(model)), path);
    expect((await problems()).join('\n')).toContain('is not a plain file');
    await rm(path);
    await rm(join(f.dataDir, 'objects', sha256(model)));
    expect(await problems()).toHaveLength(4);
  });

  it('finds refs, parents, files, sizes and ids that are not true', async () => {
    const state = join(folder, 'repo.json');
    const commit = join(folder, 'commits', `${head}.json`);
    const cases: [string, (value: Json) => void, string][] = [
      [state, (v) => (v.branches[0][1] = '1'.repeat(40)), 'leads to commit 1111'],
      [state, (v) => v.tags.push(['v1', '2'.repeat(40)]), 'v1 leads to commit 2222'],
      [state, (v) => (v.owned = []), 'does not own'],
      [state, (v) => (v.owned[0][1] = 5), 'of 5 bytes is not there'],
      [state, (v) => (v.id = 'x'), 'calls itself x'],
      [state, (v) => Object.assign(v, { type: 'dataset', name: 'D' }), 'has the same name as'],
      [commit, (v) => (v.author = 'mallory'), 'does not have the content of its id'],
      [commit, (v) => (v.parent = '3'.repeat(40)), 'follows commit 3333'],
      [commit, (v) => v.manifest.pop(), 'does not have the content of its id'],
      [commit, (v) => (v.manifest.at(-1)[1].size = 1), 'bytes, not 1'],
      [commit, (v) => (v.manifest.at(-1)[1].oid = '4'.repeat(40)), 'has git id'],
      [commit, (v) => (v.manifest.at(-1)[1].sha256 = '5'.repeat(64)), 'needs object 5555'],
      [commit, (v) => (v.manifest.at(-1)[1].last = '6'.repeat(40)), 'was last changed by commit 6666'],
      [commit, (v) => (v.manifest.at(-1)[0] = '../x'), '".." segment'],
    ];
    for (const [file, change, expected] of cases) {
      const before = await readFile(file);
      await edit(file, change);
      expect((await problems()).join('\n'), expected).toContain(expected);
      await writeFile(file, before);
    }
    await rm(commit);
    expect((await problems()).join('\n')).toContain(`main leads to commit ${head}`);
    await writeFile(commit, '{"id":');
    expect((await problems()).join('\n')).toContain('cannot be read');
    await writeFile(state, 'x');
    expect((await problems()).join('\n')).toContain('cannot be read');
    await writeFile(join(f.dataDir, 'tokens.json'), '{}');
    expect((await problems()).join('\n')).toContain('tokens.json');
  });

  it('reports rubbish, removes it on demand and only when old, and touches nothing else', async () => {
    await f.restart();
    const auth = { hubUrl: f.hub.endpoint, accessToken: f.alice };
    // An upload never committed, one in parts that never ended, a branch deleted again, a file committed then refused.
    const [loose, big] = [randomBytes(3000), randomBytes(60_000)];
    for (const bytes of [loose, big]) {
      const objects = [{ oid: sha256(bytes), size: bytes.length }];
      const body = JSON.stringify({ operation: 'upload', transfers: ['multipart'], objects });
      const batch = await f.send('/alice/m.git/info/lfs/objects/batch', { method: 'POST', token: f.alice, body });
      const json = (await batch.json()) as Json;
      const { href, header } = json.objects[0].actions.upload;
      const piece = bytes.subarray(0, 30_000);
      expect((await fetch(header?.['00001'] ?? href, { method: 'PUT', body: piece })).status).toBe(200);
    }
    await createBranch({ repo: 'alice/m', branch: 'dev', ...auth });
    const files = [{ path: 'only-there.txt', content: new Blob(['gone soon']) }];
    await uploadFiles({ repo: 'alice/m', files, branch: 'dev', ...auth });
    await uploadFiles({ repo: 'alice/m', files: [{ path: 'b', content: new Blob(['2']) }], branch: 'dev', ...auth });
    await deleteBranch({ repo: 'alice/m', branch: 'dev', ...auth });
    await f.hub.close();
    await writeFile(join(f.dataDir, 'tmp/unfinished'), 'x');
    await mkdir(join(f.dataDir, 'repos/0123/commits'), { recursive: true });
    await writeFile(join(folder, `repo.json.${'0'.repeat(12)}.tmp`), '{');

    const kinds = async (options = {}) => {
      const { orphans, problems } = await check(options);
      expect(problems).toEqual([]);
      return orphans.map(({ kind, removed }) => `${kind} ${removed}`).sort();
    };
    const all = [
      'commit',
      'commit',
      'temporary file',
      'temporary file',
      'unfinished repo',
      'upload',
      'upload in parts',
    ];
    expect(await kinds()).toEqual(all.map((kind) => `${kind} false`));
    expect(await kinds({ repair: true })).toEqual(all.map((kind) => `${kind} false`));
    // Content goes after what named it: first the upload's, then that of the removed commits.
    expect(await kinds({ repair: true, olderThanMs: 0 })).toEqual(
      [...all, 'object'].map((kind) => `${kind} true`).sort(),
    );
    expect(await kinds({ repair: true, olderThanMs: 0 })).toEqual(['object true', 'object true']);
    expect(await check()).toMatchObject({ repos: 2, commits: 4, objects: 3, problems: [], orphans: [] });

    await f.restart();
    const { endpoint: hubUrl } = f.hub;
    const blob = await downloadFile({ repo: 'alice/m', path: 'deep/er/model.safetensors', ...auth, hubUrl });
    expect(Buffer.from((await blob?.arrayBuffer()) ?? new ArrayBuffer(0)).equals(model)).toBe(true);
    await uploadFiles({ repo: 'alice/m', files: [{ path: 'x.bin', content: new Blob([loose]) }], ...auth, hubUrl });
  });
});
