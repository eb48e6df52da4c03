import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { createRepo } from '@huggingface/hub';
import type { Logger } from '@tuning/kit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HubLimits } from '../../src/hub/index.ts';
import { type HubFixture, openHub } from './local-hub.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Links used twice, too late or at once; crowds of silent connections; what the log must not hold. */
describe('local hub against hostile uploads', () => {
  let f: HubFixture;
  const logged: string[] = [];

  const open = async (limits: Partial<HubLimits> = {}) => {
    logged.length = 0;
    const note = (...args: unknown[]) => {
      logged.push(JSON.stringify(args));
    };
    const logger = { trace: note, debug: note, info: note, warn: note, error: note, fatal: note } as unknown as Logger;
    f = await openHub({ logger, limits: { multipartBytes: 3000, partBytes: 2000, ...limits } });
    const auth = { hubUrl: f.hub.endpoint, accessToken: f.alice };
    await createRepo({ repo: 'alice/r', visibility: 'public', ...auth });
    await createRepo({ repo: 'alice/secret', visibility: 'private', ...auth });
  };
  beforeEach(() => open());
  afterEach(async () => {
    vi.useRealTimers();
    await f.stop();
  });

  async function offer(bytes: Uint8Array, transfers = ['basic']) {
    const objects = [{ oid: sha256(bytes), size: bytes.length }];
    const body = JSON.stringify({ operation: 'upload', transfers, objects });
    const answer = await f.send('/alice/r.git/info/lfs/objects/batch', { method: 'POST', token: f.alice, body });
    const json = (await answer.json()) as {
      objects: { actions?: { upload: { href: string; header?: Record<string, string> } } }[];
    };
    return json.objects[0]?.actions?.upload;
  }
  const put = async (href: string, body: Buffer) =>
    (await fetch(href, { method: 'PUT', body: new Uint8Array(body) })).status;
  const commitLfs = (bytes: Uint8Array, path: string) => {
    const value = { path, algo: 'sha256', oid: sha256(bytes), size: bytes.length };
    const body = JSON.stringify({ key: 'lfsFile', value });
    return f.send('/api/models/alice/r/commit/main', { method: 'POST', token: f.alice, body });
  };

  it('takes a link again for the same bytes only, and one object from many at once', async () => {
    const bytes = randomBytes(2500);
    const href = (await offer(bytes))?.href ?? '';
    const crowd = Array.from({ length: 8 }, (_, n) => put(href, n % 2 === 0 ? bytes : randomBytes(2500)));
    expect(await Promise.all(crowd)).toEqual([200, 422, 200, 422, 200, 422, 200, 422]);
    expect(await put(href, bytes)).toBe(200);
    expect(await put(href, randomBytes(2500))).toBe(422);
    expect((await commitLfs(bytes, 'a.bin')).status).toBe(200);
    const stored = Buffer.from(await (await f.send('/alice/r/resolve/main/a.bin')).arrayBuffer());
    expect(stored.equals(bytes)).toBe(true);
    expect(await readdir(join(f.dataDir, 'tmp'))).toEqual([]);
  });

  it('refuses links after their hour', async () => {
    const [small, large] = [randomBytes(2500), randomBytes(3500)];
    const href = (await offer(small))?.href ?? '';
    const parts = await offer(large, ['multipart']);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_601_000 });
    expect(await put(href, small)).toBe(403);
    expect(await put(parts?.header?.['00001'] ?? '', large.subarray(0, 2000))).toBe(403);
    expect((await fetch(parts?.href ?? '', { method: 'POST', body: '{}' })).status).toBe(403);
  });

  it('does not follow a link that was planted in its folder', async () => {
    const bytes = randomBytes(2500);
    expect(await put((await offer(bytes))?.href ?? '', bytes)).toBe(200);
    expect((await commitLfs(bytes, 'a.bin')).status).toBe(200);
    const sum = sha256(bytes);
    const object = join(f.dataDir, 'objects/sha256', sum.slice(0, 2), sum.slice(2, 4), sum);
    await writeFile(join(f.dataDir, 'secret'), 'x'.repeat(2500));
    await rm(object);
    await symlink(join(f.dataDir, 'secret'), object);
    const got = await f
      .send('/alice/r/resolve/main/a.bin')
      .then((answer) => answer.text())
      .catch(() => 'cut off');
    expect(got).toBe('cut off');
    expect((await f.send('/api/whoami-v2', { token: f.alice })).status).toBe(200);
  });

  /** Sends a request target exactly as given; `fetch` would tidy it up. */
  const raw = (path: string, token: string | undefined) =>
    new Promise<number>((resolve, reject) => {
      const { port } = new URL(f.hub.endpoint);
      const headers = token ? { Authorization: `Bearer ${token}` } : {};
      const req = request({ host: '127.0.0.1', port, path, headers }, (res) => {
        res.resume();
        resolve(res.statusCode ?? 0);
      });
      req.on('error', reject).end();
    });

  it('takes revisions for names only', async () => {
    const revisions = [
      'refs/pr/1',
      'refs%2Fpr%2F1',
      '..',
      '%2e%2e',
      '..%2f..%2ftokens.json',
      '__proto__',
      'constructor',
    ];
    revisions.push('main%00', '0'.repeat(39), 'HEAD~1', 'main@{0}', '%5c', 'a'.repeat(3000), 'refs/heads');
    for (const revision of revisions) {
      for (const [repo, token] of [
        ['r', undefined],
        ['secret', f.bob],
        ['secret', undefined],
      ] as const) {
        for (const path of [`/api/models/alice/${repo}/tree/${revision}`, `/alice/${repo}/resolve/${revision}/x`]) {
          const status = await raw(path, token);
          expect([400, 401, 404], `${path} as ${token ? 'bob' : 'nobody'}`).toContain(status);
        }
      }
    }
  });

  it('writes neither tokens nor signatures into its log or its refusals', async () => {
    const bytes = randomBytes(2500);
    const href = (await offer(bytes))?.href ?? '';
    const sig = new URL(href).searchParams.get('sig') ?? '';
    const wrong = `hf_${'w'.repeat(40)}`;
    const texts = await Promise.all([
      fetch(href, { method: 'PUT', body: randomBytes(2500) }),
      fetch(href.replace('size=2500', 'size=2501'), { method: 'PUT', body: bytes }),
      fetch(href, { method: 'POST', body: '{}' }),
      f.send('/api/models/alice/r', { token: wrong }),
      f.send('/api/models/alice/none', { token: f.alice }),
      f.send('/api/models/alice/r/commit/main', { method: 'POST', token: f.aliceReader, body: '{}' }),
      f.send('/api/repos/create', { method: 'POST', token: f.bob, body: '{"name":"alice/x"}' }),
      f.send('/api/repos/create', { method: 'POST', token: f.bob, body: '{' }),
    ]);
    expect(texts.every(({ status }) => status >= 400)).toBe(true);
    const said = await Promise.all(
      texts.map(async (answer) => (await answer.text()) + JSON.stringify([...answer.headers])),
    );
    expect(await put(href, bytes)).toBe(200);
    expect(logged.length).toBeGreaterThan(8);
    for (const secret of [f.alice, f.aliceReader, f.bob, wrong, sig]) {
      expect(secret.length).toBeGreaterThan(20);
      expect([...said, ...logged].filter((text) => text.includes(secret))).toEqual([]);
    }
  });
});
