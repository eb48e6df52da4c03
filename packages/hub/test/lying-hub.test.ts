import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, Secret, silentLogger } from '@tuning/kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHub, type HubOptions } from '../src/index.ts';
import { FakeHub, json } from './fake-hub.ts';
import { failureOf } from './hub-fixture.ts';

const ID = 'a'.repeat(40);
const CONTENT = Buffer.from('the real content');
const blobOf = (content: Buffer) => createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
const lfsOf = (content: Buffer) => ({
  oid: createHash('sha256').update(content).digest('hex'),
  size: content.length,
  pointerSize: 130,
});

describe('a hub that lies, stalls or is overloaded', () => {
  let fake: FakeHub;
  let to: string;
  beforeEach(async () => {
    fake = await new FakeHub().start();
    to = await mkdtemp(join(tmpdir(), 'lying-hub-'));
  });
  afterEach(async () => {
    await fake.stop();
    await rm(to, { recursive: true, force: true });
  });

  const hub = (options: Partial<HubOptions> = {}) =>
    createHub({ endpoint: fake.endpoint, retryBaseMs: 1, attempts: 3, timeoutMs: 500, idleMs: 200, ...options });
  const download = (options: Partial<HubOptions> = {}) =>
    hub(options).download({
      type: 'model',
      repo: 'alice/m',
      revision: ID,
      to,
      limits: { maxBytes: 1000, maxFiles: 10 },
    });
  /** Lists `rows`; `send` answers the download. */
  const serve = (rows: unknown, send: (res: ServerResponse, range: string | undefined) => void) => {
    fake.answer = (req, res, url) => (url.pathname.includes('/tree/') ? json(res, rows) : send(res, req.headers.range));
  };
  const file = (path: string, over: object = {}) => ({
    type: 'file',
    path,
    size: CONTENT.length,
    oid: blobOf(CONTENT),
    ...over,
  });

  it('refuses other bytes under a git id and under a sha256', async () => {
    const other = Buffer.from('the evil content');
    for (const row of [file('x'), file('x', { lfs: lfsOf(CONTENT) })]) {
      serve([row], (res) => res.end(other));
      expect(await failureOf(download())).toMatchObject({ name: 'BadInputError', code: 'HUB_HASH_MISMATCH' });
      serve([row], (res) => res.end(Buffer.concat([CONTENT, CONTENT])));
      expect((await failureOf(download())).code).toBe('HUB_HASH_MISMATCH');
      expect(await readdir(to)).toEqual([]);
    }
    serve([file('x', { lfs: lfsOf(CONTENT) })], (res) => res.end(CONTENT));
    expect(await download()).toEqual([{ path: 'x', size: CONTENT.length, sha256: lfsOf(CONTENT).oid }]);
  });

  it('stops a body that never ends at the listed size', async () => {
    serve([file('x')], (res) => {
      const pour = () => {
        while (res.write(Buffer.alloc(65_536)));
      };
      res.on('drain', pour);
      pour();
    });
    expect((await failureOf(download())).code).toBe('HUB_HASH_MISMATCH');
  });

  it('refuses names that would land outside the folder or on each other', async () => {
    for (const rows of [
      [file('../x')],
      [file('/etc/x')],
      [file('a/../../x')],
      [file('x'), file('x')],
      [file('a'), file('a/b')],
      [file('a\\b')],
      [file('nul\0')],
    ]) {
      serve(rows, (res) => res.end(CONTENT));
      expect((await failureOf(download())).code, JSON.stringify(rows)).toBe('HUB_BAD_PATH');
    }
    expect(fake.requests.filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
  });

  it('takes up a cut download where it ended', async () => {
    const ranges: (string | undefined)[] = [];
    serve([file('x')], (res, range) => {
      ranges.push(range);
      const at = range === undefined ? 0 : Number(/\d+/.exec(range)?.[0]);
      res.writeHead(range ? 206 : 200, {
        'Content-Length': CONTENT.length - at,
        ...(range ? { 'Content-Range': `bytes ${at}-${CONTENT.length - 1}/${CONTENT.length}` } : {}),
      });
      if (at === 10) res.end(CONTENT.subarray(at));
      else res.write(CONTENT.subarray(at, at + 5), () => setTimeout(() => res.destroy(), 20));
    });
    await download();
    expect(ranges).toEqual([undefined, 'bytes=5-', 'bytes=10-']);
    expect((await readFile(join(to, 'x'))).equals(CONTENT)).toBe(true);
  });

  it('does not take a short but cleanly ended body for the file', async () => {
    serve([file('x')], (res) => res.end(CONTENT.subarray(0, 5)));
    expect(await failureOf(download())).toMatchObject({ name: 'TransientError', code: 'HUB_UNAVAILABLE' });
    expect(await readdir(to)).toEqual([]);
  });

  it('waits as long as Retry-After says, and then succeeds', async () => {
    for (const status of [429, 503]) {
      let refusals = 1;
      serve([file('x')], (res) => {
        if (refusals-- > 0) res.writeHead(status, { 'Retry-After': '1' }).end();
        else res.end(CONTENT);
      });
      const started = performance.now();
      await download();
      expect(performance.now() - started).toBeGreaterThan(950);
      await rm(join(to, 'x'));
    }
  });

  it('gives up on a hub that stays overloaded, as something to try later', async () => {
    fake.answer = (_req, res) => res.writeHead(503, { 'Content-Type': 'text/html' }).end('<html>');
    const ref = { type: 'model' as const, repo: 'alice/m' };
    expect(await failureOf(hub().resolve(ref))).toMatchObject({ name: 'TransientError', code: 'HUB_UNAVAILABLE' });
    expect(fake.requests).toHaveLength(3);
    fake.answer = (_req, res) => res.writeHead(429).end();
    expect(await failureOf(hub().resolve(ref))).toMatchObject({ name: 'TransientError', code: 'HUB_RATE_LIMITED' });
  });

  it('gives up on silence, before and inside an answer', async () => {
    fake.answer = () => {};
    const ref = { type: 'model' as const, repo: 'alice/m' };
    const quick = { timeoutMs: 60, idleMs: 60, attempts: 2 };
    expect((await failureOf(hub(quick).resolve(ref))).message).toMatch(/no answer within 60 ms/);
    serve([file('x')], (res) => res.write(CONTENT.subarray(0, 3)));
    expect(await failureOf(download(quick))).toMatchObject({ code: 'HUB_UNAVAILABLE' });
  });

  it('refuses answers of an unknown form and lists without end', async () => {
    const { list, resolve } = hub();
    const ref = { type: 'model' as const, repo: 'alice/m', revision: ID };
    const client = hub();
    for (const rows of [
      {},
      [{ type: 'file', path: 1 }],
      [file('x', { oid: '../../evil' })],
      [file('x', { size: -1 })],
    ]) {
      fake.answer = (_req, res) => json(res, rows);
      expect((await failureOf(list.call(client, ref))).code, JSON.stringify(rows)).toBe('HUB_UNAVAILABLE');
    }
    fake.answer = (_req, res) => json(res, { id: 'alice/m', sha: 'main', private: false });
    expect((await failureOf(resolve.call(client, ref))).code).toBe('HUB_UNAVAILABLE');
    fake.answer = (_req, res) => json(res, [], { Link: `<${fake.endpoint}/more>; rel="next"` });
    expect((await failureOf(list.call(client, ref))).message).toMatch(/pages/);
  });

  it('sends the token to the endpoint only', async () => {
    const other = await new FakeHub().start();
    other.answer = (_req, res) => json(res, []);
    fake.answer = (_req, res) => json(res, [], { Link: `<${other.endpoint}/next>; rel="next"` });
    await hub({ token: new Secret('hf_secret1') }).list({ type: 'model', repo: 'alice/m', revision: ID });
    expect(fake.requests[0]?.headers.authorization).toBe('Bearer hf_secret1');
    expect(other.requests).toHaveLength(1);
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
    await other.stop();
  });

  it('logs and throws no token and no signature', async () => {
    const lines: string[] = [];
    const note = (...args: unknown[]) => void lines.push(JSON.stringify(args));
    const logger: Logger = { ...silentLogger, debug: note, warn: note, info: note, error: note, child: () => logger };
    const said = `see ${fake.endpoint}/x?sig=abc123 for hf_secret1`;
    fake.answer = (_req, res) => {
      res.writeHead(503, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error: said }));
    };
    const client = hub({ token: new Secret('hf_secret1'), logger });
    const { message } = await failureOf(client.resolve({ type: 'model', repo: 'alice/m' }));
    expect(lines.length).toBeGreaterThan(0);
    for (const text of [message, ...lines]) expect(text).not.toMatch(/abc123|secret1/);
  });

  it('looks before it commits again when the answer to a commit was lost', async () => {
    let landed = false;
    let commits = 0;
    fake.answer = (req, res, url) => {
      if (url.pathname.endsWith('/whoami-v2')) {
        return json(res, { name: 'alice', auth: { accessToken: { role: 'write', createdAt: 0 } } });
      }
      if (url.pathname.includes('/tree/')) return json(res, landed ? [file('x')] : []);
      if (url.pathname.includes('/preupload/')) return json(res, { files: [{ path: 'x', uploadMode: 'regular' }] });
      if (url.pathname.includes('/commit/')) {
        commits += 1;
        landed = true;
        return void req.socket.destroy();
      }
      return json(res, { _id: '1', id: 'alice/m', sha: landed ? 'b'.repeat(40) : ID, private: true });
    };
    const client = hub({ token: new Secret('hf_secret1') });
    const done = await client.publish({
      type: 'model',
      repo: 'alice/m',
      visibility: 'private',
      files: [{ path: 'x', content: CONTENT }],
      message: 'x',
    });
    expect(done.revision).toBe('b'.repeat(40));
    expect(commits).toBe(1);
  });
});
