import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRepo, downloadFile, listFiles, uploadFiles, whoAmI } from '@huggingface/hub';
import { afterEach, describe, expect, it } from 'vitest';
import { startHub } from '../../src/hub/index.ts';
import { type HubFixture, openHub } from './local-hub.ts';

describe('local hub on disk', () => {
  let f: HubFixture | undefined;
  afterEach(() => f?.stop());

  it('keeps tokens, repos, commits, privacy and open upload links over a restart', async () => {
    f = await openHub();
    const big = randomBytes(1_500_000);
    const auth = () => ({ hubUrl: f?.hub.endpoint ?? '', accessToken: f?.alice ?? '' });
    await createRepo({ repo: 'alice/kept', visibility: 'private', ...auth() });
    const files = [
      { path: 'a.txt', content: new Blob(['text']) },
      { path: 'b.bin', content: new Blob([big]) },
    ];
    const done = await uploadFiles({ repo: 'alice/kept', files, ...auth() });
    const waiting = randomBytes(50);
    const oid = createHash('sha256').update(waiting).digest('hex');
    const batch = await f.send('/alice/kept.git/info/lfs/objects/batch', {
      method: 'POST',
      token: f.alice,
      body: JSON.stringify({ operation: 'upload', objects: [{ oid, size: 50 }] }),
    });
    const offered = (await batch.json()) as { objects: { actions: { upload: { href: string } } }[] };
    const link = new URL(offered.objects[0]?.actions.upload.href ?? '');

    // What a crash leaves behind: an unfinished upload and a repo that was never saved.
    await writeFile(join(f.dataDir, 'tmp/unfinished'), 'x');
    await mkdir(join(f.dataDir, 'repos/0123/commits'), { recursive: true });
    await f.restart();

    expect((await whoAmI(auth())).name).toBe('alice');
    const revision = done?.commit.oid ?? '';
    const blob = await downloadFile({ repo: 'alice/kept', path: 'b.bin', revision, ...auth() });
    expect(Buffer.from((await blob?.arrayBuffer()) ?? new ArrayBuffer(0)).equals(big)).toBe(true);
    expect((await f.send('/api/models/alice/kept')).status).toBe(401);
    expect((await f.send(`${link.pathname}${link.search}`, { method: 'PUT', body: waiting })).status).toBe(200);
    await uploadFiles({ repo: 'alice/kept', files: [{ path: 'c', content: new Blob(['c']) }], ...auth() });
    const paths: string[] = [];
    for await (const row of listFiles({ repo: 'alice/kept', ...auth() })) paths.push(row.path);
    expect(paths).toEqual(['.gitattributes', 'a.txt', 'b.bin', 'c']);
  });

  it('keeps all of several tokens made at once, and a deleted repo deleted', async () => {
    f = await openHub();
    const { hub, send } = f;
    const made = await Promise.all(
      Array.from({ length: 10 }, (_, n) => hub.createToken({ namespace: `user${n}`, role: 'read' })),
    );
    const auth = { hubUrl: hub.endpoint, accessToken: f.alice };
    await createRepo({ repo: 'alice/gone', ...auth });
    const line = (n: number) =>
      JSON.stringify({ key: 'file', value: { path: `f${n}`, content: 'eA==', encoding: 'base64' } });
    const init = { method: 'POST', token: f.alice };
    const commits = Array.from({ length: 10 }, (_, n) =>
      send('/api/models/alice/gone/commit/main', { ...init, body: line(n) }),
    );
    const body = JSON.stringify({ name: 'gone', organization: 'alice', type: 'model' });
    const deleted = send('/api/repos/delete', { method: 'DELETE', token: f.alice, body });
    await Promise.all([deleted, ...commits]);
    expect((await deleted).status).toBe(200);
    await f.restart();
    expect((await f.send('/api/models/alice/gone', { token: f.alice })).status).toBe(404);
    for (const token of made) expect((await f.send('/api/whoami-v2', { token })).status).toBe(200);
  });

  it('refuses a folder in use and takes over the lock of a dead process', async () => {
    f = await openHub();
    await expect(startHub({ dataDir: f.dataDir })).rejects.toMatchObject({ code: 'HUB_DATA_LOCKED' });
    await f.hub.close();
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    await writeFile(join(f.dataDir, 'LOCK'), `${dead.pid} 1\n`);
    f.hub = await startHub({ dataDir: f.dataDir });
    expect((await f.send('/api/whoami-v2', { token: f.alice })).status).toBe(200);
  });

  it('lets one of many start in one folder', async () => {
    f = await openHub();
    await f.hub.close();
    const dataDir = f.dataDir;
    for (const left of [undefined, '', 'rubbish', '1 0\n', `${process.pid} 1\n`]) {
      if (left !== undefined) await writeFile(join(dataDir, 'LOCK'), left);
      const started = await Promise.allSettled(Array.from({ length: 5 }, () => startHub({ dataDir })));
      const hubs = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(hubs).toHaveLength(1);
      for (const result of started) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'HUB_DATA_LOCKED' });
      }
      await hubs[0]?.close();
    }
    f.hub = await startHub({ dataDir });
  });

  it('names an occupied port', async () => {
    f = await openHub();
    const port = Number(new URL(f.hub.endpoint).port);
    const second = startHub({ dataDir: join(f.dataDir, 'second'), port });
    await expect(second).rejects.toMatchObject({ name: 'OperatorError', code: 'PORT_IN_USE' });
  });

  it('makes the same ids as git itself', async () => {
    f = await openHub();
    const auth = { hubUrl: f.hub.endpoint, accessToken: f.alice };
    await createRepo({ repo: 'alice/git', ...auth });
    const content = (text: string) => new Blob([text]);
    const paths = ['a-b', 'a.txt', 'a/x', 'a/y/z'];
    await uploadFiles({ repo: 'alice/git', files: paths.map((path) => ({ path, content: content(path) })), ...auth });
    const ids = new Map<string, string | undefined>();
    for await (const row of listFiles({ repo: 'alice/git', recursive: true, ...auth })) ids.set(row.path, row.oid);
    // git hash-object, and git rev-parse HEAD:a HEAD:a/y, of the same files
    expect(ids.get('a.txt')).toBe('8d14cbf983b3fad683171c9418998d9f68340823');
    expect(ids.get('a')).toBe('2ec9198c7f70b7e1aa9b69db1f43ff442c8abcba');
    expect(ids.get('a/y')).toBe('4fe9166fe3fccbedf8b6b760205f465030167fea');
  });
});
