import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type HubFixture, openHub } from './local-hub.ts';

/** `HUB_IDLE_UPLOADS=9000` for a real crowd: each takes two files of this process and one on disk. */
const CROWD = Number(process.env['HUB_IDLE_UPLOADS'] ?? 1_000);

describe('local hub and clients that keep it waiting', () => {
  let f: HubFixture;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await f.stop();
  });

  /** Sends `head` as it is. */
  async function open(head: string): Promise<{ closed: Promise<unknown>; socket: Socket; said: () => string }> {
    const { port } = new URL(f.hub.endpoint);
    const socket = connect(Number(port), '127.0.0.1');
    sockets.push(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk;
    });
    const closed = once(socket, 'close');
    await once(socket, 'connect');
    socket.write(head);
    return { closed, socket, said: () => text };
  }
  const answers = async () => (await f.send('/api/whoami-v2', { token: f.alice })).status;

  it('cuts heads that come byte by byte, and heads without end', async () => {
    f = await openHub({ limits: { headMs: 1_000 } });
    const drips = await Promise.all(
      Array.from({ length: 20 }, () => open('GET /api/models HTTP/1.1\r\nHost: 127.0.0.1\r\n')),
    );
    const drip = setInterval(() => {
      for (const { socket } of drips) socket.write('X-A: b\r\n');
    }, 100);
    expect(await answers()).toBe(200);
    await Promise.all(drips.map(({ closed }) => closed));
    clearInterval(drip);
    for (const { said } of drips) expect(said()).toMatch(/^HTTP\/1\.1 408 |^$/);

    const endless = await open(`GET /api/models HTTP/1.1\r\nX-A: ${'a'.repeat(20_000)}`);
    await endless.closed;
    expect(endless.said()).toMatch(/^HTTP\/1\.1 431 /);
    const target = await open(`GET /${'a/'.repeat(10_000)} HTTP/1.1\r\n`);
    await target.closed;
    expect(target.said()).toMatch(/^HTTP\/1\.1 431 /);
    const silent = await open('');
    await silent.closed;
    expect(await answers()).toBe(200);
  }, 20_000);

  it(`answers others while ${CROWD} uploads stand still, and cuts those`, async () => {
    f = await openHub({ limits: { bodyIdleMs: 3_000 } });
    const body = JSON.stringify({ name: 'r', organization: 'alice', type: 'model', visibility: 'public' });
    expect((await f.send('/api/repos/create', { method: 'POST', token: f.alice, body })).status).toBe(200);
    const bytes = randomBytes(2500);
    const oid = createHash('sha256').update(bytes).digest('hex');
    const batch = JSON.stringify({ operation: 'upload', objects: [{ oid, size: 2500 }] });
    const offer = await f.send('/alice/r.git/info/lfs/objects/batch', { method: 'POST', token: f.alice, body: batch });
    const { objects } = (await offer.json()) as { objects: { actions: { upload: { href: string } } }[] };
    const { href } = objects[0]!.actions.upload;
    const { pathname, search } = new URL(href);
    const head = `PUT ${pathname}${search} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2500\r\n\r\nbegun`;
    const idle: { closed: Promise<unknown> }[] = [];
    while (idle.length < CROWD) idle.push(...(await Promise.all(Array.from({ length: 100 }, () => open(head)))));
    expect(await answers()).toBe(200);
    expect((await fetch(href, { method: 'PUT', body: bytes })).status).toBe(200);
    await Promise.all(idle.map(({ closed }) => closed));
    await vi.waitFor(async () => expect(await readdir(join(f.dataDir, 'tmp'))).toEqual([]), 30_000);
    expect(await answers()).toBe(200);
  }, 120_000);
});
