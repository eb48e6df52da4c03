import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { repoExists, uploadFiles, whoAmI } from '@huggingface/hub';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type HubFixture, openHub } from './local-hub.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const DAY_MS = 86_400_000;

describe('tokens of the local hub', () => {
  let f: HubFixture;
  afterEach(() => f.stop());

  async function refusal(token: string): Promise<[number, string | null, unknown]> {
    const answer = await f.send('/api/whoami-v2', { token });
    return [answer.status, answer.headers.get('x-error-message'), await answer.json()];
  }
  const UNKNOWN = 'Invalid credentials in Authorization header';

  async function createRepo(): Promise<void> {
    const body = JSON.stringify({ name: 'r', organization: 'alice', type: 'model', visibility: 'public' });
    expect((await f.send('/api/repos/create', { method: 'POST', token: f.alice, body })).status).toBe(200);
  }
  async function offer(token: string, bytes: Uint8Array): Promise<string> {
    const objects = [{ oid: sha256(bytes), size: bytes.length }];
    const body = JSON.stringify({ operation: 'upload', objects });
    const answer = await f.send('/alice/r.git/info/lfs/objects/batch', { method: 'POST', token, body });
    const json = (await answer.json()) as { objects: { actions: { upload: { href: string } } }[] };
    return json.objects[0]?.actions.upload.href ?? '';
  }

  it('says role, name and expiry to its owner', async () => {
    f = await openHub();
    const expiresAt = new Date(Date.now() + DAY_MS);
    const token = await f.hub.createToken({ namespace: 'carol', role: 'read', displayName: 'laptop', expiresAt });
    const me = await whoAmI({ hubUrl: f.hub.endpoint, accessToken: token });
    expect(me).toMatchObject({ name: 'carol', auth: { accessToken: { role: 'read', displayName: 'laptop' } } });
    const row = (await (await f.send('/api/whoami-v2', { token })).json()) as {
      auth: { accessToken: { expiresAt: string } };
    };
    expect(row.auth.accessToken.expiresAt).toBe(expiresAt.toISOString());
  });

  it('refuses an expired token in the words of huggingface.co, on public repos too, also after a restart', async () => {
    f = await openHub();
    await createRepo();
    const token = await f.hub.createToken({
      namespace: 'alice',
      role: 'write',
      displayName: 'old one',
      expiresAt: new Date(Date.now() - 1000),
    });
    const words = 'User Access Token "old one" is expired';
    expect(await refusal(token)).toEqual([401, words, { error: words }]);
    expect((await f.send('/api/models/alice/r', { token })).status).toBe(401);
    expect((await f.send('/alice/r/resolve/main/.gitattributes', { token })).status).toBe(401);
    await f.restart();
    expect((await refusal(token))[0]).toBe(401);
    expect((await refusal(f.alice))[0]).toBe(200);
  });

  it('refuses a revoked token at once and after a restart, and no other', async () => {
    f = await openHub();
    await createRepo();
    expect((await refusal(f.aliceReader))[0]).toBe(200);
    expect(await f.hub.revokeToken(f.aliceReader)).toBe(true);
    expect(await f.hub.revokeToken(f.aliceReader)).toBe(false);
    for (const restart of [false, true]) {
      if (restart) await f.restart();
      expect(await refusal(f.aliceReader)).toEqual([401, UNKNOWN, { error: UNKNOWN }]);
      expect((await refusal(f.alice))[0]).toBe(200);
      // The official client takes any 401 for a missing repo.
      const args = { repo: 'alice/r', hubUrl: f.hub.endpoint };
      expect(await repoExists({ ...args, accessToken: f.aliceReader })).toBe(false);
      expect(await repoExists({ ...args, accessToken: f.alice })).toBe(true);
    }
    const files = [{ path: 'x', content: new Blob(['x']) }];
    const late = uploadFiles({ repo: 'alice/r', files, hubUrl: f.hub.endpoint, accessToken: f.aliceReader });
    await expect(late).rejects.toMatchObject({ statusCode: 401 });
  });

  it('ends the upload links of a token with the token, even in the middle of an upload', async () => {
    f = await openHub();
    await createRepo();
    const token = await f.hub.createToken({ namespace: 'alice', role: 'write' });
    const bytes = randomBytes(4000);
    const href = await offer(token, bytes);
    const other = await offer(f.alice, bytes);

    // Half of the body, then the revocation, then the rest.
    const status = await new Promise<number>((resolve, reject) => {
      const req = request(href, { method: 'PUT', headers: { 'Content-Length': bytes.length } }, (res) => {
        res.resume();
        resolve(res.statusCode ?? 0);
      });
      req.on('error', reject);
      req.write(bytes.subarray(0, 2000));
      // Its temporary file tells that the upload has begun.
      vi.waitFor(async () => expect(await readdir(join(f.dataDir, 'tmp'))).toHaveLength(1), 20_000)
        .then(() => f.hub.revokeToken(token))
        .then(() => req.end(bytes.subarray(2000)), reject);
    });
    expect(status).toBe(401);
    expect((await fetch(href, { method: 'PUT', body: bytes })).status).toBe(401);
    // It was not taken: the repo is still asked for it, and the link of a good token works.
    expect(await offer(f.alice, bytes)).toMatch(/^http/);
    expect((await fetch(other, { method: 'PUT', body: bytes })).status).toBe(200);
  });

  it('does not let a commit land whose token was revoked while its body arrived', async () => {
    f = await openHub();
    await createRepo();
    const token = await f.hub.createToken({ namespace: 'alice', role: 'write' });
    const line = JSON.stringify({ key: 'file', value: { path: 'late', content: 'eA==', encoding: 'base64' } });
    const status = await new Promise<number>((resolve, reject) => {
      const url = `${f.hub.endpoint}/api/models/alice/r/commit/main`;
      const req = request(url, { method: 'POST', headers: { Authorization: `Bearer ${token}` } }, (res) => {
        res.resume();
        resolve(res.statusCode ?? 0);
      });
      req.on('error', reject);
      req.write(`${JSON.stringify({ key: 'header', value: { summary: 'late' } })}\n`, () => {
        f.hub.revokeToken(token).then(() => req.end(line), reject);
      });
    });
    expect(status).toBe(401);
    expect((await f.send('/alice/r/resolve/main/late')).status).toBe(404);
  });

  it('reads the token file of an older hub', async () => {
    f = await openHub();
    const file = join(f.dataDir, 'tokens.json');
    const rows = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>[];
    await f.hub.close();
    await writeFile(file, JSON.stringify(rows.map(({ displayName: _name, expiresAt: _expiry, ...old }) => old)));
    await f.restart();
    expect((await refusal(f.alice))[0]).toBe(200);
  });
});
