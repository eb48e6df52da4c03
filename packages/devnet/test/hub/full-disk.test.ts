import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRepo, downloadFile } from '@huggingface/hub';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkHub, type LocalHub, startHub } from '../../src/hub/index.ts';

const path = mkdtempSync(join(tmpdir(), 'full-disk-'));

/** A disk of its own that may be filled: only root can make one, and not in every container. */
function mount(): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path], { stdio: 'pipe' });
}

/** Why there is no such disk on this machine; undefined: there is. */
function reasonAgainst(): string | undefined {
  try {
    mount();
    execFileSync('umount', [path]);
    return undefined;
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString().trim().split('\n')[0];
    return said || 'mount cannot be run';
  }
}

const missing = reasonAgainst();
const title = missing === undefined ? 'a full disk' : `a full disk (skipped, a tmpfs is needed: ${missing})`;
if (missing !== undefined) rmSync(path, { recursive: true });
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(missing !== undefined)(title, () => {
  let hub: LocalHub | undefined;
  beforeAll(mount);
  afterAll(async () => {
    await hub?.close();
    execFileSync('umount', ['-l', path]);
    rmSync(path, { recursive: true });
  });

  it('is answered with 507 everywhere; nothing half done stays, and it goes on once there is room', async () => {
    const dataDir = join(path, 'hub');
    const limits = { diskReserveBytes: 0, multipartBytes: 250_000, partBytes: 200_000 };
    hub = await startHub({ dataDir, limits });
    const { endpoint } = hub;
    const accessToken = await hub.createToken({ namespace: 'alice', role: 'write' });
    const auth = { hubUrl: endpoint, accessToken };
    await createRepo({ repo: 'alice/d', visibility: 'public', ...auth });
    const send = (url: string, method: string, body?: string | Buffer) =>
      fetch(url.startsWith('http') ? url : `${endpoint}${url}`, {
        method,
        headers: { Authorization: `Bearer ${accessToken}` },
        ...(body === undefined ? {} : { body: body as string | Buffer<ArrayBuffer> }),
      });
    const status = async (...args: Parameters<typeof send>) => (await send(...args)).status;
    const offer = async (bytes: Buffer) => {
      const objects = [{ oid: sha256(bytes), size: bytes.length }];
      const body = JSON.stringify({ operation: 'upload', transfers: ['basic', 'multipart'], objects });
      const answer = await send('/alice/d.git/info/lfs/objects/batch', 'POST', body);
      expect(answer.status).toBe(200);
      type Upload = { href: string; header?: Record<string, string> };
      const json = (await answer.json()) as { objects: { actions: { upload: Upload } }[] };
      return json.objects[0]?.actions.upload as Upload;
    };
    const file = (name: string, content: Buffer) =>
      JSON.stringify({ key: 'file', value: { path: name, content: content.toString('base64'), encoding: 'base64' } });
    const head = async () => ((await (await send('/api/models/alice/d', 'GET')).json()) as { sha: string }).sha;

    const whole = randomBytes(200_000);
    const inParts = randomBytes(300_000);
    const plain = randomBytes(200_000);
    const [first, second] = [await offer(whole), await offer(inParts)];
    const before = await head();
    // Uploads that were promised room find less; then there is none at all.
    for (const left of [100_000, 0]) {
      const { bavail, bsize } = await statfs(path);
      await rm(join(path, 'filler'), { force: true });
      const room = (await statfs(path)).bavail * bsize;
      writeFileSync(join(path, 'filler'), Buffer.alloc(room - left));
      expect(bavail).toBeGreaterThan(0);
      expect(await status(first.href, 'PUT', whole)).toBe(507);
      expect(await status(second.header?.['00001'] ?? '', 'PUT', inParts.subarray(0, 200_000))).toBe(507);
      expect(await status('/api/models/alice/d/commit/main', 'POST', file('plain.txt', plain))).toBe(507);
      expect(await readdir(join(dataDir, 'tmp'))).toEqual([]);
    }
    expect(await status('/api/models/alice/d/commit/main', 'POST', file('tiny.txt', Buffer.from('x')))).toBe(507);
    expect(await status('/api/models/alice/d/branch/dev', 'POST', '{}')).toBe(507);
    expect(await status('/api/models/alice/d/tag/main', 'POST', '{"tag":"v1"}')).toBe(507);
    expect(await status('/api/models/alice/d/settings', 'PUT', '{"private":true}')).toBe(507);
    const another = JSON.stringify({ name: 'e', organization: 'alice', type: 'model' });
    expect(await status('/api/repos/create', 'POST', another)).toBe(507);
    await expect(hub.createToken({ namespace: 'bob', role: 'read' })).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(hub.revokeToken(accessToken)).rejects.toMatchObject({ code: 'ENOSPC' });

    // What was refused did not happen, in memory either; reading goes on.
    expect(await head()).toBe(before);
    const refs = (await (await send('/api/models/alice/d/refs', 'GET')).json()) as Record<string, { name: string }[]>;
    expect([refs['branches']?.map(({ name }) => name), refs['tags']]).toEqual([['main'], []]);
    expect((await fetch(`${endpoint}/api/models/alice/d`)).status).toBe(200);
    expect(await status('/api/models/alice/e', 'GET')).toBe(404);
    expect((await downloadFile({ repo: 'alice/d', path: '.gitattributes', ...auth }))?.size).toBe(96);

    await rm(join(path, 'filler'));
    expect(await status(first.href, 'PUT', whole)).toBe(200);
    const value = { path: 'whole.bin', algo: 'sha256', oid: sha256(whole), size: whole.length };
    const lines = `${file('plain.txt', plain)}\n${JSON.stringify({ key: 'lfsFile', value })}`;
    expect(await status('/api/models/alice/d/commit/main', 'POST', lines)).toBe(200);
    expect(await status('/api/repos/create', 'POST', another)).toBe(200);
    await hub.close();
    expect((await checkHub({ dataDir })).problems).toEqual([]);

    // A hub that cannot even start says why and leaves the folder as it was.
    const room = (await statfs(path)).bavail * (await statfs(path)).bsize;
    await writeFile(join(path, 'filler'), Buffer.alloc(room));
    await expect(startHub({ dataDir })).rejects.toMatchObject({ code: 'ENOSPC' });
    await rm(join(path, 'filler'));
    hub = await startHub({ dataDir });
    const blob = await downloadFile({ repo: 'alice/d', path: 'whole.bin', hubUrl: hub.endpoint, accessToken });
    expect(Buffer.from((await blob?.arrayBuffer()) ?? new ArrayBuffer(0)).equals(whole)).toBe(true);
  });
});
