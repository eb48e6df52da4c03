import { createHash, randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import dns from 'node:dns';
import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type HubFixture, openHub } from './local-hub.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Server-side request forgery: whatever addresses a client names, the hub calls nobody and sends nobody there. */
describe('local hub given addresses of others', () => {
  let f: HubFixture;
  /** Would be called by a hub that follows what it is told. */
  let elsewhere: Server;
  let calls = 0;
  let address = '';
  /** All connections that this process opens: the hub runs in it. */
  const opened: Socket[] = [];
  const note = (message: unknown) => void opened.push((message as { socket: Socket }).socket);
  const lookups = vi.spyOn(dns, 'lookup');

  beforeAll(async () => {
    f = await openHub();
    elsewhere = createServer((socket) => {
      calls++;
      socket.destroy();
    });
    await once(elsewhere.listen(0, '127.0.0.1'), 'listening');
    address = `127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
    subscribe('net.client.socket', note);
    for (const name of ['r', 'secret']) {
      const visibility = name === 'secret' ? 'private' : 'public';
      expect((await post('/api/repos/create', { name, organization: 'alice', visibility })).status).toBe(200);
    }
  });
  afterAll(async () => {
    unsubscribe('net.client.socket', note);
    lookups.mockRestore();
    elsewhere.close();
    await f.stop();
  });

  /** As given: target, method and headers that `fetch` would not send. */
  function raw(method: string, target: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { port } = new URL(f.hub.endpoint);
      const req = request({ host: '127.0.0.1', port, method, path: target, headers }, async (res) => {
        let text = '';
        for await (const chunk of res) text += chunk;
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text });
      });
      req.on('error', reject).end(body);
    });
  }
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    raw(
      'POST',
      path,
      { Authorization: `Bearer ${f.alice}`, ...headers },
      typeof body === 'string' ? body : JSON.stringify(body),
    );

  /** Nothing in an answer leads there. */
  function expectStaying({ status, headers, text }: Answer, what: string): void {
    expect(status >= 300 && status < 400, `${what} is answered with ${status}`).toBe(false);
    expect(headers['location'], what).toBeUndefined();
    expect(JSON.stringify([headers, text]).includes(address), `${what}: ${text}`).toBe(false);
  }

  it('takes no address from a body: batch, verify, commit, create, settings, completion', async () => {
    const there = `http://${address}/x`;
    const bytes = randomBytes(3000);
    const object = { oid: sha256(bytes), size: bytes.length };
    const actions = {
      upload: { href: there, header: { '00001': there } },
      verify: { href: there },
      download: { href: there },
    };
    const more = { href: there, url: there, callback: there, webhook: there, mirror: there, remote: there, actions };
    const batch = { operation: 'upload', transfers: ['basic', 'multipart', there], ref: { name: there }, ...more };
    const offer = await post('/alice/r.git/info/lfs/objects/batch', { ...batch, objects: [{ ...object, ...more }] });
    expectStaying(offer, 'batch');
    const { href } = (JSON.parse(offer.text) as { objects: { actions: { upload: { href: string } } }[] }).objects[0]!
      .actions.upload;
    expect(new URL(href).origin).toBe(f.hub.endpoint);
    expect((await fetch(href, { method: 'PUT', body: bytes })).status).toBe(200);
    expectStaying(await post('/alice/r.git/info/lfs/verify', { ...object, ...more }), 'verify');
    const download = { ...batch, operation: 'download', objects: [object] };
    expectStaying(await post('/alice/r.git/info/lfs/objects/batch', download), 'batch for a download');

    const pointer = `version ${there}\noid sha256:${object.oid}\nsize 3000\n`;
    const card = `---\nbase_model: ${there}\nthumbnail: ${there}\n---\n![](${there})`;
    const lines = [
      { key: 'header', value: { summary: there, ...more } },
      { key: 'lfsFile', value: { path: 'm.bin', algo: 'sha256', ...object, ...more } },
      ...[
        ['README.md', card],
        ['pointer', pointer],
        ['.gitmodules', `[submodule "x"]\n\turl = ${there}\n`],
        ['.lfsconfig', `[lfs]\n\turl = ${there}\n`],
      ].map(([path, text]) => ({
        key: 'file',
        value: { path, content: Buffer.from(text!).toString('base64'), encoding: 'base64', ...more },
      })),
    ];
    expect(
      (await post('/api/models/alice/r/commit/main', lines.map((line) => JSON.stringify(line)).join('\n'))).status,
    ).toBe(200);
    for (const key of ['copyFile', 'url', 'urlFile', 'submodule', 'symlink']) {
      const answer = await post(
        '/api/models/alice/r/commit/main',
        JSON.stringify({ key, value: { path: key, ...more } }),
      );
      expect(answer.status, key).toBe(400);
      expectStaying(answer, key);
    }
    for (const path of ['README.md', 'm.bin', 'pointer', '.gitmodules']) {
      const { status, headers } = await raw('GET', `/alice/r/resolve/main/${path}`);
      expect([status, headers['location'], headers['link']], path).toEqual([200, undefined, undefined]);
    }
    expectStaying(
      await post('/api/repos/create', { name: 'c', organization: 'alice', source: there, ...more }),
      'create',
    );
    expectStaying(
      await raw('PUT', '/api/models/alice/r/settings', { Authorization: `Bearer ${f.alice}` }, JSON.stringify(more)),
      'settings',
    );
    expectStaying(await post('/api/validate-yaml', { content: card, ...more }), 'validate-yaml');
    // Named in full in a name, or in a revision.
    for (const name of [there, `${address}/x`, `http:%2f%2f${address}`]) {
      expectStaying({ ...(await post('/api/repos/create', { name })), text: '' }, name);
      // The refusal says the name again.
      const refused = await raw('GET', `/alice/r/resolve/${encodeURIComponent(name)}/x`);
      expect([refused.status, refused.headers['location']], `revision ${name}`).toEqual([404, undefined]);
    }
  });

  it('takes no address from the request line or from headers about other hosts', async () => {
    const headers: Record<string, string>[] = [
      { 'X-Forwarded-Host': address, 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '127.0.0.1' },
      { Forwarded: `host=${address};proto=https` },
      { 'X-Original-URL': `http://${address}/`, 'X-Rewrite-URL': `http://${address}/` },
      { Origin: `http://${address}`, Referer: `http://${address}/` },
      { 'X-HTTP-Method-Override': 'DELETE', Destination: `http://${address}/` },
    ];
    const objects = [{ oid: '1'.repeat(64), size: 5 }];
    for (const header of headers) {
      const what = Object.keys(header)[0]!;
      expectStaying(await post('/alice/r.git/info/lfs/objects/batch', { operation: 'upload', objects }, header), what);
      expectStaying(await raw('GET', '/api/models/alice/r/tree/main?limit=1', header), what);
    }
    for (const target of [
      `http://${address}/api/models/alice/r`,
      `//${address}/api`,
      `/\\${address}/x`,
      `@${address}/x`,
      '*',
    ]) {
      const answer = await raw('GET', target);
      expectStaying({ ...answer, text: '' }, target);
      expect(answer.status, target).toBeGreaterThanOrEqual(400);
    }
  });

  it('builds links on the Host of this very request only, and on none that is a foreign name', async () => {
    const objects = [{ oid: '2'.repeat(64), size: 5 }];
    const batch = (host: string) =>
      post('/alice/r.git/info/lfs/objects/batch', { operation: 'upload', objects }, { Host: host });
    for (const host of [
      'elsewhere.example',
      'localhost.elsewhere.example',
      `user@${address}`,
      `${address}/x`,
      'localhost:80#x',
    ]) {
      const { status, text } = await batch(host);
      expect([400, 421], host).toContain(status);
      expect(text, host).not.toContain('_lfs');
    }
    // Whoever names the address of another host gets links there, and nobody else does.
    expect((await batch(address)).text).toContain(`http://${address}/_lfs/`);
    expectStaying(await batch(new URL(f.hub.endpoint).host), 'the request behind it');
  });

  it.each(['CONNECT', 'UPGRADE'])('opens no tunnel: %s', async (what) => {
    const { port } = new URL(f.hub.endpoint);
    const socket = connect(Number(port), '127.0.0.1');
    const head =
      what === 'CONNECT'
        ? `CONNECT ${address} HTTP/1.1\r\nHost: ${address}\r\n\r\n`
        : 'GET /api/models HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      socket.end();
    });
    socket.write(head);
    await once(socket, 'close');
    expect(text).not.toMatch(/^HTTP\/1\.1 (101|2\d\d Connection)/);
    if (what === 'CONNECT') expect(text).toBe('');
  });

  it('has called nobody: no connection but those to the hub, no name looked up', () => {
    const { port } = new URL(f.hub.endpoint);
    expect(calls).toBe(0);
    expect(opened.length).toBeGreaterThan(0);
    const ports = new Set(opened.map((socket) => socket.remotePort).filter((remote) => remote !== undefined));
    expect([...ports].filter((remote) => remote !== Number(port))).toEqual([]);
    expect(opened.filter((socket) => socket.connecting)).toEqual([]);
    expect(lookups.mock.calls.map(([name]) => name).filter((name) => isIP(name) === 0)).toEqual([]);
  });
});
