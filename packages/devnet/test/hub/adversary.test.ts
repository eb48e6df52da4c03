import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type HubFixture, openHub } from './local-hub.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Requests that no friendly client sends. */
describe('local hub against hostile requests', () => {
  let f: HubFixture;
  const secret = randomBytes(5000);

  beforeAll(async () => {
    f = await openHub({ limits: { bodyIdleMs: 300, commitLineBytes: 200_000, commitBytes: 400_000 } });
    for (const [token, name] of [
      [f.alice, 'private'],
      [f.alice, 'public'],
      [f.bob, 'mine'],
    ] as const) {
      const organization = token === f.alice ? 'alice' : 'bob';
      const body = JSON.stringify({
        name,
        organization,
        type: 'model',
        visibility: name === 'private' ? name : 'public',
      });
      expect((await f.send('/api/repos/create', { method: 'POST', token, body })).status).toBe(200);
    }
    await upload('alice/private', f.alice, secret);
    const lfs = { key: 'lfsFile', value: { path: 'm.bin', algo: 'sha256', oid: sha256(secret), size: secret.length } };
    expect((await send('alice/private', f.alice, [lfs])).status).toBe(200);
    expect((await send('alice/public', f.alice, [file('page.html', '<script>1</script>')])).status).toBe(200);
  });
  afterAll(() => f.stop());

  const file = (path: string, text: string) => ({
    key: 'file',
    value: { path, content: Buffer.from(text).toString('base64'), encoding: 'base64' },
  });
  const send = (repo: string, token: string | undefined, lines: unknown[], header: object = {}) =>
    f.send(`/api/models/${repo}/commit/main`, {
      method: 'POST',
      ...(token ? { token } : {}),
      headers: { 'Content-Type': 'application/x-ndjson' },
      body: [{ key: 'header', value: { summary: 'x', ...header } }, ...lines].map((l) => JSON.stringify(l)).join('\n'),
    });
  async function offer(repo: string, token: string, oid: string, size: number): Promise<string | undefined> {
    const answer = await f.send(`/${repo}.git/info/lfs/objects/batch`, {
      method: 'POST',
      token,
      body: JSON.stringify({ operation: 'upload', transfers: ['basic'], objects: [{ oid, size }] }),
    });
    expect(answer.status).toBe(200);
    const { objects } = (await answer.json()) as { objects: { actions?: { upload: { href: string } } }[] };
    return objects[0]?.actions?.upload.href;
  }
  async function upload(repo: string, token: string, bytes: Uint8Array): Promise<void> {
    const href = (await offer(repo, token, sha256(bytes), bytes.length)) as string;
    expect((await fetch(href, { method: 'PUT', body: bytes as Uint8Array<ArrayBuffer> })).status).toBe(200);
  }
  const put = (href: string, body: Uint8Array) =>
    fetch(href, { method: 'PUT', body: body as Uint8Array<ArrayBuffer> }).then(({ status }) => status);

  it('does not hand an object to a repo that did not upload it', async () => {
    // bob knows hash and size; the object is on disk. The offer is as if it were not.
    expect(await offer('bob/mine', f.bob, sha256(secret), secret.length)).toMatch(/^http/);
    const theft = {
      key: 'lfsFile',
      value: { path: 'stolen', algo: 'sha256', oid: sha256(secret), size: secret.length },
    };
    expect((await send('bob/mine', f.bob, [theft])).status).toBe(422);
    expect((await f.send('/bob/mine/resolve/main/stolen')).status).toBe(404);
    const verify = { method: 'POST', token: f.bob, body: JSON.stringify({ oid: sha256(secret), size: secret.length }) };
    expect((await f.send('/bob/mine.git/info/lfs/verify', verify)).status).toBe(404);
    // The owner is told that it is there already.
    expect(await offer('alice/private', f.alice, sha256(secret), secret.length)).toBeUndefined();
  });

  it('answers alike for a private and an absent repo, on every route', async () => {
    const head = ((await (await f.send('/api/models/alice/private', { token: f.alice })).json()) as { sha: string })
      .sha;
    const routes: [string, string][] = [
      ['GET', '/api/models/REPO'],
      ['GET', `/api/models/REPO/revision/${head}`],
      ['GET', `/api/models/REPO/tree/${head}`],
      ['GET', '/api/models/REPO/refs'],
      ['GET', '/api/models/REPO/commits/main'],
      ['POST', '/api/models/REPO/paths-info/main'],
      ['POST', '/api/models/REPO/preupload/main'],
      ['POST', '/api/models/REPO/commit/main'],
      ['PUT', '/api/models/REPO/settings'],
      ['POST', '/REPO.git/info/lfs/objects/batch'],
      ['GET', '/REPO/resolve/main/m.bin'],
      ['GET', `/REPO/raw/${head}/m.bin`],
    ];
    for (const token of [undefined, f.bob]) {
      for (const [method, path] of routes) {
        const seen = await Promise.all(
          ['alice/private', 'alice/absent'].map(async (repo) => {
            const answer = await f.send(path.replace('REPO', repo), { method, ...(token ? { token } : {}) });
            return [answer.status, answer.headers.get('x-error-code'), await answer.text()];
          }),
        );
        expect(seen[0], `${method} ${path}`).toEqual(seen[1]);
        expect(seen[0]?.slice(0, 2), `${method} ${path}`).toEqual([token ? 404 : 401, 'RepoNotFound']);
      }
    }
  });

  it('refuses a read token for every change', async () => {
    const changes: [string, string][] = [
      ['POST', '/api/models/alice/public/preupload/main'],
      ['POST', '/api/models/alice/public/commit/main'],
      ['PUT', '/api/models/alice/public/settings'],
      ['POST', '/api/models/alice/public/branch/dev'],
      ['POST', '/api/models/alice/public/tag/main'],
      ['DELETE', '/api/models/alice/public/branch/main'],
      ['POST', '/alice/public.git/info/lfs/objects/batch'],
    ];
    for (const [method, path] of changes) {
      for (const token of [f.aliceReader, f.bob]) {
        expect((await f.send(path, { method, token })).status, `${method} ${path}`).toBe(403);
      }
      expect((await f.send(path, { method })).status, `${method} ${path}`).toBe(401);
    }
    const body = JSON.stringify({ name: 'public', organization: 'alice', type: 'model' });
    for (const token of [f.aliceReader, f.bob]) {
      expect((await f.send('/api/repos/delete', { method: 'DELETE', token, body })).status).toBe(403);
    }
  });

  it('refuses an unknown token even where none is needed', async () => {
    const answer = await f.send('/api/models/alice/public', { token: 'hf_nobody' });
    expect([answer.status, answer.headers.get('x-error-message')]).toEqual([
      401,
      'Invalid credentials in Authorization header',
    ]);
  });

  it('refuses bytes that are not the announced ones, and keeps none of them', async () => {
    const bytes = randomBytes(2000);
    const href = (await offer('alice/public', f.alice, sha256(bytes), bytes.length)) as string;
    expect(await put(href, randomBytes(2000))).toBe(422);
    expect(await put(href, bytes.subarray(1))).toBe(400);
    expect(await put(href, Buffer.concat([bytes, bytes]))).toBe(400);
    const long = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(1024));
      },
    });
    const chunked = await fetch(href, { method: 'PUT', body: long, duplex: 'half' } as RequestInit).catch(
      () => undefined,
    );
    expect(chunked?.status ?? 413).toBe(413);
    await vi.waitFor(async () => expect(await readdir(join(f.dataDir, 'tmp'))).toEqual([]));
    expect((await offer('alice/public', f.alice, sha256(bytes), bytes.length)) as string).toMatch(/^http/);
    expect(await put(href, bytes)).toBe(200);
  });

  it('accepts an upload link only as it was signed', async () => {
    const bytes = randomBytes(100);
    const href = (await offer('alice/public', f.alice, sha256(bytes), bytes.length)) as string;
    const mine = (await offer('bob/mine', f.bob, sha256(bytes), bytes.length)) as string;
    const other = sha256(Buffer.from('other'));
    const changed = [
      href.replace(/size=\d+/, 'size=101'),
      href.replace(/exp=(\d+)/, (_, exp) => `exp=${Number(exp) + 1}`),
      href.replace(sha256(bytes), other),
      href.replace(/sig=.*/, `sig=${'0'.repeat(64)}`),
      href.replace(/&sig=.*/, ''),
      href.replace(/_lfs\/\w+/, /_lfs\/\w+/.exec(mine)?.[0] ?? ''),
    ];
    for (const link of changed) expect(await put(link, bytes), link.replace(/sig=.*/, '')).toBe(403);
    expect((await fetch(href)).status).not.toBe(200);
    // A large body is refused before it has arrived, and the client still hears why.
    expect(await put(changed[3] as string, new Uint8Array(20_000_000))).toBe(403);
    expect(await put(href, bytes)).toBe(200);
  });

  it('takes names that JavaScript knows otherwise for names like any other', async () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    for (const name of names) {
      expect((await f.send(`/api/models/alice/${name}`, { token: f.alice })).status, name).toBe(404);
      const body = JSON.stringify({ name, organization: 'alice', type: 'model', visibility: 'private' });
      expect((await f.send('/api/repos/create', { method: 'POST', token: f.alice, body })).status, name).toBe(200);
      const lines = names.flatMap((path) => [file(path, `text of ${path}`), file(`in/${path}`, path)]);
      expect((await send(`alice/${name}`, f.alice, lines)).status, name).toBe(200);
      const answer = await f.send(`/alice/${name}/resolve/main/in/${name}`, { token: f.alice });
      expect(await answer.text()).toBe(name);
      for (const odd of [name.toUpperCase(), name]) {
        expect((await f.send(`/api/models/ALICE/${odd}`, { token: f.bob })).status, odd).toBe(404);
      }
    }
  });

  it('refuses paths that a client could be tricked with', async () => {
    const bad = [
      '../x',
      '/x',
      'a/../x',
      'a//b',
      './x',
      'x/',
      '.git/config',
      'a/.GIT/x',
      'C:/x',
      'a\\b',
      'a\0b',
      'a\nb',
      '',
    ];
    bad.push('x'.repeat(1025), `${'x'.repeat(256)}/y`, Array(40).fill('d').join('/'), '\ud800');
    for (const path of bad) {
      expect((await send('alice/public', f.alice, [file(path, 'x')])).status, JSON.stringify(path)).toBe(422);
      const files = [{ path, size: 1, sample: '' }];
      const init = { method: 'POST', token: f.alice, body: JSON.stringify({ files }) };
      expect((await f.send('/api/models/alice/public/preupload/main', init)).status, JSON.stringify(path)).toBe(422);
    }
    const refused = [
      [file('a', '1'), file('a', '2')],
      [file('f', '1'), file('f/g', '2')],
      [{ key: 'deletedFile', value: { path: 'absent' } }],
      [{ key: 'file', value: { path: 'x', content: '***', encoding: 'base64' } }],
      [{ key: 'unknown', value: {} }],
      [file('big', 'x'.repeat(300_000))],
    ];
    for (const lines of refused) {
      const { status } = await send('alice/public', f.alice, lines);
      expect([400, 404, 413, 422], JSON.stringify(lines).slice(0, 80)).toContain(status);
    }
    const names = ['../x', 'a/b/c', '.x', 'x.git', 'a--b', 'a..b', 'x'.repeat(97), 'ä', 'a b', '', 'x.'];
    for (const name of names) {
      const body = JSON.stringify({ name, organization: 'alice', type: 'model' });
      const { status } = await f.send('/api/repos/create', { method: 'POST', token: f.alice, body });
      expect([400, 403], JSON.stringify(name)).toContain(status);
    }
  });

  /** Sends a request target exactly as given; `fetch` would tidy it up. */
  const raw = (path: string, headers: Record<string, string> = {}) =>
    new Promise<number>((resolve, reject) => {
      const { port } = new URL(f.hub.endpoint);
      const req = request({ host: '127.0.0.1', port, path, headers }, (res) => {
        res.resume();
        resolve(res.statusCode ?? 0);
      });
      req.on('error', reject).end();
    });

  it('does not resolve dots, double slashes or broken escapes in the request line', async () => {
    const tokens = '/alice/public/resolve/main';
    for (const target of [
      `${tokens}/../../../../tokens.json`,
      `${tokens}/%2e%2e/%2e%2e/tokens.json`,
      `${tokens}/..%2f..%2ftokens.json`,
      '/alice/private/../public/resolve/main/page.html',
      '//alice/public/resolve/main/page.html',
      `${tokens}/%00`,
      `${tokens}/__proto__`,
      '/api/models/alice/public/tree/main/../..',
    ]) {
      expect([401, 404], target).toContain(await raw(target));
    }
    for (const target of [`${tokens}/%zz`, `${tokens}/%ff`, 'http://evil/x'])
      expect(await raw(target), target).toBe(400);
    expect(await raw(`${tokens}/page.html`)).toBe(200);
  });

  it('answers to its own host names only, and builds links on the one used', async () => {
    expect(await raw('/api/models/alice/public', { Host: 'evil.example' })).toBe(421);
    expect(await raw('/api/models/alice/public', { Host: 'a b' })).toBe(421);
    const port = new URL(f.hub.endpoint).port;
    const answer = await fetch(`http://localhost:${port}/alice/public.git/info/lfs/objects/batch`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${f.alice}` },
      body: JSON.stringify({ operation: 'upload', hash_algo: 'sha_256', objects: [{ oid: '1'.repeat(64), size: 5 }] }),
    }).catch(() => undefined);
    // Where localhost means ::1 only, the hub on 127.0.0.1 can't be reached by that name.
    if (answer) expect(await answer.text()).toContain(`http://localhost:${port}/_lfs/`);
  });

  it('never lets a stored page run in a browser', async () => {
    const { headers } = await f.send('/alice/public/resolve/main/page.html');
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-disposition')).toBe('attachment');
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
    expect(headers.get('access-control-allow-origin')).toBe(null);
  });

  it('serves ranges as RFC 9110 says', async () => {
    const get = async (range: string) => {
      const answer = await f.send('/alice/private/resolve/main/m.bin', { token: f.alice, headers: { Range: range } });
      return [answer.status, answer.headers.get('content-range'), Buffer.from(await answer.arrayBuffer())] as const;
    };
    expect(await get('bytes=0-0')).toEqual([206, 'bytes 0-0/5000', secret.subarray(0, 1)]);
    expect(await get('bytes=4990-')).toEqual([206, 'bytes 4990-4999/5000', secret.subarray(4990)]);
    expect(await get('bytes=-10')).toEqual([206, 'bytes 4990-4999/5000', secret.subarray(4990)]);
    expect(await get('bytes=10-99999')).toEqual([206, 'bytes 10-4999/5000', secret.subarray(10)]);
    expect((await get('bytes=5000-')).slice(0, 2)).toEqual([416, 'bytes */5000']);
    expect((await get('bytes=-0')).slice(0, 2)).toEqual([416, 'bytes */5000']);
    const huge = '9'.repeat(30);
    const crowd = `bytes=${Array.from({ length: 500 }, (_, at) => `${at}-`).join()}`;
    const odd = ['bytes=-5-10', 'bytes=0-4,0-4,2-3', `bytes=${huge}-`, `bytes=0-${huge}`, `bytes=-${huge}`, crowd];
    for (const ignored of ['bytes=5-1', 'bytes=0-1,3-4', 'bytes=x', 'lines=0-1', 'bytes=-', ...odd]) {
      expect((await get(ignored)).slice(0, 2), ignored).toEqual([200, null]);
    }
    const pointer = await f.send('/alice/private/raw/main/m.bin', { token: f.alice });
    expect(await pointer.text()).toBe(
      `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(secret)}\nsize 5000\n`,
    );
  });

  it('lands one of many commits on one parent, and all of many without', async () => {
    const head = async () =>
      ((await (await f.send('/api/models/bob/mine', { token: f.bob })).json()) as { sha: string }).sha;
    const parentCommit = await head();
    const raced = await Promise.all(
      Array.from({ length: 8 }, (_, n) => send('bob/mine', f.bob, [file(`r${n}`, 'x')], { parentCommit })),
    );
    expect(raced.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(412)]);
    const all = await Promise.all(Array.from({ length: 20 }, (_, n) => send('bob/mine', f.bob, [file(`n${n}`, 'x')])));
    expect(all.every(({ status }) => status === 200)).toBe(true);
    const rows = (await (await f.send('/api/models/bob/mine/tree/main')).json()) as { path: string }[];
    expect(rows.filter(({ path }) => /^n\d/.test(path))).toHaveLength(20);
  });

  it('cuts a body that stops arriving, and drops what came', async () => {
    const bytes = randomBytes(5000);
    const { pathname, search, port } = new URL((await offer('alice/public', f.alice, sha256(bytes), 5000)) as string);
    const socket = connect(Number(port), '127.0.0.1');
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()).on('error', () => {}));
    socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\nonly this`);
    await closed;
    await vi.waitFor(async () => expect(await readdir(join(f.dataDir, 'tmp'))).toEqual([]));
  });

  it('bounds page sizes and cursors', async () => {
    for (const query of ['limit=-1', 'limit=0', 'limit=1e9', 'cursor=LTU', 'cursor=%00', 'limit=x', 'cursor=']) {
      const answer = await f.send(`/api/models/alice/public/tree/main?${query}`);
      expect([answer.status, ((await answer.json()) as unknown[]).length > 0], query).toEqual([200, true]);
    }
    for (const query of ['p=-1', 'limit=-5', 'limit=NaN']) {
      const answer = await f.send(`/api/models/alice/public/commits/main?${query}`);
      expect([answer.status, ((await answer.json()) as unknown[]).length > 0], query).toEqual([200, true]);
    }
  });

  it('keeps tokens only as hashes, and objects read-only', async () => {
    const stored = await readFile(join(f.dataDir, 'tokens.json'), 'utf8');
    for (const token of [f.alice, f.aliceReader, f.bob]) expect(stored).not.toContain(token);
    const sum = sha256(secret);
    const object = join(f.dataDir, 'objects/sha256', sum.slice(0, 2), sum.slice(2, 4), sum);
    expect((await stat(object)).mode & 0o777).toBe(0o444);
  });
});
