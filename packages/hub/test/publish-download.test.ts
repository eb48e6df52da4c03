import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hub, HubProgress } from '../src/index.ts';
import { type Fixture, failureOf, openFixture } from './hub-fixture.ts';

const LIMITS = { maxBytes: 100_000_000, maxFiles: 100 };
const NO_LIMIT = { type: 'model' as const, limits: LIMITS };

describe('publish and download', () => {
  let f: Fixture;
  let alice: Hub;
  let bob: Hub;
  let stranger: Hub;
  const weights = randomBytes(12_000_000);

  beforeAll(async () => {
    f = await openFixture();
    alice = await f.client({ namespace: 'alice', role: 'write' });
    bob = await f.client({ namespace: 'bob', role: 'write' });
    stranger = await f.client(undefined);
    await writeFile(join(f.folder, 'weights'), weights);
  });
  afterAll(() => f.stop());

  const files = () => [
    { path: 'model.safetensors', content: join(f.folder, 'weights') },
    { path: 'config.json', content: Buffer.from('{"a":1}') },
    { path: 'sub/ä b.txt', content: Buffer.from('text') },
    { path: 'empty.txt', content: new Uint8Array() },
  ];
  const publish = (repo: string, message = 'first') =>
    alice.publish({ type: 'model', repo, visibility: 'private', files: files(), message });

  it('publishes a new private repo, reports bytes, and gives the same bytes back', async () => {
    const seen: HubProgress[] = [];
    const { revision } = await alice.publish(
      { type: 'model', repo: 'alice/one', visibility: 'private', files: files(), message: 'first' },
      { onProgress: (p) => seen.push(p) },
    );
    expect(revision).toMatch(/^[0-9a-f]{40}$/);
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.at(-1)?.doneBytes).toBe(seen.at(-1)?.totalBytes);
    expect(await alice.resolve({ type: 'model', repo: 'alice/one' })).toEqual({ revision, private: true });

    const to = join(f.folder, 'out');
    const down: HubProgress[] = [];
    const got = await alice.download(
      { ...NO_LIMIT, repo: 'alice/one', revision, to, accept: (path) => !path.startsWith('.') },
      { onProgress: (p) => down.push(p) },
    );
    expect(got.map(({ path }) => path).sort()).toEqual([
      'config.json',
      'empty.txt',
      'model.safetensors',
      'sub/ä b.txt',
    ]);
    expect((await readFile(join(to, 'model.safetensors'))).equals(weights)).toBe(true);
    const row = got.find(({ path }) => path === 'model.safetensors');
    expect(row).toEqual({
      path: 'model.safetensors',
      size: weights.length,
      sha256: createHash('sha256').update(weights).digest('hex'),
    });
    expect(down.at(-1)).toMatchObject({ doneBytes: down.at(-1)?.totalBytes });
    expect((await readdir(to)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('does nothing when the same content is published again', async () => {
    const first = await publish('alice/again');
    expect(await publish('alice/again', 'second')).toEqual(first);
    const next = await alice.publish({
      type: 'model',
      repo: 'alice/again',
      visibility: 'private',
      files: [...files(), { path: 'log.jsonl', content: Buffer.from('{}\n') }],
      message: 'third',
    });
    expect(next.revision).not.toBe(first.revision);
    const listed = await alice.list({ type: 'model', repo: 'alice/again', revision: next.revision });
    expect(listed.map(({ path }) => path)).toContain('log.jsonl');
    expect(listed.find(({ path }) => path === 'empty.txt')).toEqual({
      path: 'empty.txt',
      size: 0,
      blob: 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391',
    });
  });

  it('lands all of several publishes at once into one repo', async () => {
    await publish('alice/busy');
    const one = (n: number) =>
      alice.publish({
        type: 'model',
        repo: 'alice/busy',
        visibility: 'private',
        files: [{ path: `n/${n}`, content: Buffer.from(String(n)) }],
        message: String(n),
      });
    await Promise.all([one(1), one(2), one(3)]);
    const { revision } = await alice.resolve({ type: 'model', repo: 'alice/busy' });
    const paths = (await alice.list({ type: 'model', repo: 'alice/busy', revision })).map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['n/1', 'n/2', 'n/3']));
  });

  it('hides a private repo until it is made public', async () => {
    const { revision } = await publish('alice/later');
    const ref = { type: 'model' as const, repo: 'alice/later' };
    for (const other of [bob, stranger]) {
      expect(await failureOf(other.resolve(ref))).toMatchObject({ name: 'BadInputError', code: 'HUB_REPO_NOT_FOUND' });
    }
    await alice.setVisibility(ref, 'public');
    expect(await stranger.resolve(ref)).toEqual({ revision, private: false });
    await alice.setVisibility(ref, 'private');
    expect((await failureOf(bob.resolve(ref))).code).toBe('HUB_REPO_NOT_FOUND');
  });

  it('publishes a public dataset that anyone can read', async () => {
    const { revision } = await alice.publish({
      type: 'dataset',
      repo: 'alice/rows',
      visibility: 'public',
      files: [{ path: 'data/train.jsonl', content: Buffer.from('{"a":1}\n') }],
      message: 'train split',
    });
    const to = join(f.folder, 'rows');
    const got = await stranger.download({
      type: 'dataset',
      repo: 'alice/rows',
      revision,
      to,
      limits: LIMITS,
      accept: (path) => path.startsWith('data/'),
    });
    expect(got.map(({ path }) => path)).toEqual(['data/train.jsonl']);
    expect(await readFile(join(to, 'data/train.jsonl'), 'utf8')).toBe('{"a":1}\n');
  });

  it('keeps right files of an earlier download and replaces wrong ones', async () => {
    const { revision } = await publish('alice/keep');
    const to = join(f.folder, 'keep');
    await mkdir(to);
    await writeFile(join(to, 'config.json'), '{"a":2}');
    await writeFile(join(to, 'empty.txt'), '');
    await alice.download({ ...NO_LIMIT, repo: 'alice/keep', revision, to });
    expect(await readFile(join(to, 'config.json'), 'utf8')).toBe('{"a":1}');
  });

  it('counts only accepted files against the limits, before the first byte', async () => {
    const { revision } = await publish('alice/limits');
    const to = join(f.folder, 'limits');
    const call = (maxBytes: number, maxFiles: number, accept?: (path: string) => boolean) =>
      alice.download({
        type: 'model',
        repo: 'alice/limits',
        revision,
        to,
        limits: { maxBytes, maxFiles },
        ...(accept ? { accept } : {}),
      });
    expect(await failureOf(call(11_000_000, 10))).toMatchObject({ name: 'BadInputError', code: 'HUB_DOWNLOAD_LIMIT' });
    expect((await failureOf(call(100_000_000, 2))).code).toBe('HUB_DOWNLOAD_LIMIT');
    await expect(readdir(to)).rejects.toThrow('ENOENT');
    expect(await call(7, 1, (path) => path === 'config.json')).toHaveLength(1);
  });

  it('refuses symlinks, folders, relative paths, dot-files and paths that leave the repo', async () => {
    const link = join(f.folder, 'link');
    await symlink('/etc/hostname', link);
    const one = (path: string, content: string | Uint8Array) =>
      failureOf(
        alice.publish({
          type: 'model',
          repo: 'alice/bad',
          visibility: 'private',
          files: [{ path, content }],
          message: 'x',
        }),
      );
    for (const content of [link, f.folder, 'package.json', join(f.folder, 'absent')]) {
      expect((await one('x', content)).code, content).toBe('HUB_FILE_UNREADABLE');
    }
    for (const path of ['.env', 'a/.git/x', '../x', '/x', 'a//b', 'a#b', 'a%2fb', '']) {
      expect((await one(path, new Uint8Array())).code, path).toBe('HUB_BAD_PATH');
    }
    expect((await failureOf(alice.resolve({ type: 'model', repo: 'alice/bad' }))).code).toBe('HUB_REPO_NOT_FOUND');
  });

  it('stops at an abort with its reason, and commits nothing', async () => {
    const reason = new Error('operator pressed ctrl-c');
    const before = AbortSignal.abort(reason);
    const args = { type: 'model' as const, repo: 'alice/aborted', visibility: 'private' as const, message: 'x' };
    await expect(alice.publish({ ...args, files: files() }, { signal: before })).rejects.toBe(reason);

    const later = new AbortController();
    const running = alice.publish(
      { ...args, files: files() },
      { signal: later.signal, onProgress: () => later.abort(reason) },
    );
    await expect(running).rejects.toBe(reason);
    const { revision } = await alice.resolve({ type: 'model', repo: 'alice/aborted' });
    const listed = await alice.list({ type: 'model', repo: 'alice/aborted', revision });
    expect(listed.map(({ path }) => path)).toEqual(['.gitattributes']);

    const done = await publish('alice/aborted');
    const stop = new AbortController();
    const to = join(f.folder, 'aborted');
    const down = alice.download(
      { ...NO_LIMIT, repo: 'alice/aborted', revision: done.revision, to },
      { signal: stop.signal, onProgress: () => stop.abort(reason) },
    );
    await expect(down).rejects.toBe(reason);
    // What came is gone on with by the next call, and then nothing of it is left.
    expect((await readdir(to)).filter((name) => !name.startsWith('.'))).not.toContain('model.safetensors');
    await alice.download({ ...NO_LIMIT, repo: 'alice/aborted', revision: done.revision, to });
    expect((await readFile(join(to, 'model.safetensors'))).equals(weights)).toBe(true);
    expect((await readdir(to)).filter((name) => name.includes('.part'))).toEqual([]);
  });
});
