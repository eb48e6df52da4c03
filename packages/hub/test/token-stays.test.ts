import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '@tuning/kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHub } from '../src/index.ts';
import { type FakeAnswer, FakeHub, json } from './fake-hub.ts';
import { failureOf } from './hub-fixture.ts';

const ID = 'a'.repeat(40);
const TOKEN = 'hf_staysHere';
const CONTENT = Buffer.from('the content');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

/** Redirects, upload links and pages that lead from the hub to another host, or to another port of its own. */
describe('the token', () => {
  let fake: FakeHub;
  let other: FakeHub;
  let to: string;
  beforeEach(async () => {
    fake = await new FakeHub().start();
    other = await new FakeHub().start();
    to = await mkdtemp(join(tmpdir(), 'token-stays-'));
  });
  afterEach(async () => {
    await fake.stop();
    await other.stop();
    await rm(to, { recursive: true, force: true });
  });

  const client = () =>
    createHub({ endpoint: fake.endpoint, token: new Secret(TOKEN), retryBaseMs: 1, attempts: 2, timeoutMs: 2_000 });
  const ref = { type: 'model' as const, repo: 'alice/m' };
  /** Asked with the token at home, and nowhere else with it or with anything made of it. */
  function expectStayed(calls: number): void {
    expect(fake.requests.some(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).toBe(true);
    expect(other.requests).toHaveLength(calls);
    for (const { path, headers } of other.requests) {
      expect(JSON.stringify([path, headers]), path).not.toMatch(/staysHere|authorization|cookie/i);
    }
  }
  const elsewhere =
    (status: number): FakeAnswer =>
    (req, res) =>
      res.writeHead(status, { Location: `${other.endpoint}${req.url}` }).end();

  it.each([301, 302, 303, 307, 308])('does not follow a question that is sent on by %i', async (status) => {
    fake.answer = elsewhere(status);
    other.answer = (_req, res) => json(res, { _id: '1', id: 'alice/m', sha: ID, private: false });
    expect((await client().resolve(ref)).revision).toBe(ID);
    expectStayed(1);
  });

  it('does not follow a download that is sent on, in one piece or in several', async () => {
    const row = {
      type: 'file',
      path: 'x',
      size: CONTENT.length,
      oid: '1'.repeat(40),
      lfs: { oid: SHA256, size: CONTENT.length, pointerSize: 1 },
    };
    fake.answer = (req, res, url) =>
      url.pathname.includes('/tree/') ? json(res, [row]) : elsewhere(302)(req, res, url);
    other.answer = (req, res) => {
      const [start, end] = /(\d+)-(\d+)/
        .exec(req.headers.range ?? `0-${CONTENT.length - 1}`)!
        .slice(1)
        .map(Number) as [number, number];
      const head = { 'Content-Range': `bytes ${start}-${end}/${CONTENT.length}` };
      res.writeHead(req.headers.range ? 206 : 200, req.headers.range ? head : {}).end(CONTENT.subarray(start, end + 1));
    };
    for (const [pieceBytes, calls] of [
      [1_000, 1],
      [4, 4],
    ] as const) {
      const hub = createHub({ endpoint: fake.endpoint, token: new Secret(TOKEN), retryBaseMs: 1, pieceBytes });
      const folder = join(to, String(pieceBytes));
      await hub.download({ ...ref, revision: ID, to: folder, limits: { maxBytes: 1_000, maxFiles: 2 } });
      expect((await readFile(join(folder, 'x'))).equals(CONTENT)).toBe(true);
      expectStayed(calls);
    }
  });

  it('is not given back by a host that sends the question home again', async () => {
    const seen: (string | undefined)[] = [];
    fake.answer = (req, res, url) => {
      seen.push(req.headers.authorization);
      if (url.searchParams.has('back')) json(res, { _id: '1', id: 'alice/m', sha: ID, private: false });
      else elsewhere(307)(req, res, url);
    };
    other.answer = (req, res, url) =>
      res.writeHead(307, { Location: `${fake.endpoint}${url.pathname}?back`, 'Set-Cookie': 'a=b' }).end(req.url);
    await client().resolve(ref);
    expect(seen).toEqual([`Bearer ${TOKEN}`, undefined]);
    expectStayed(1);
  });

  /** A hub up to the answer to `path`, which is up to `answer`. */
  const publishing =
    (answers: Record<string, FakeAnswer>): FakeAnswer =>
    (req, res, url) => {
      const own = Object.keys(answers).find((part) => url.pathname.includes(part));
      if (own !== undefined) return answers[own]!(req, res, url);
      if (url.pathname.endsWith('/whoami-v2'))
        return json(res, { name: 'alice', auth: { accessToken: { role: 'write', createdAt: 0 } } });
      if (url.pathname.includes('/tree/')) return json(res, []);
      if (url.pathname.includes('/preupload/')) return json(res, { files: [{ path: 'x.bin', uploadMode: 'lfs' }] });
      if (url.pathname.includes('/commit/'))
        return json(res, { commitOid: 'b'.repeat(40), commitUrl: `${fake.endpoint}/c` });
      return json(res, { _id: '1', id: 'alice/m', sha: ID, private: true });
    };
  const publish = () =>
    client().publish({ ...ref, visibility: 'private', files: [{ path: 'x.bin', content: CONTENT }], message: 'm' });

  it('does not go with an upload, its completion or its check at another host', async () => {
    const href = `${other.endpoint}/put?sig=1`;
    const actions = { upload: { href, header: { 'X-Amz-A': 'b' } }, verify: { href: `${other.endpoint}/verify` } };
    const objects = [{ oid: SHA256, size: CONTENT.length, actions }];
    const batch: FakeAnswer = (_req, res) => json(res, { transfer: 'basic', objects });
    fake.answer = publishing({ '/objects/batch': batch });
    other.answer = (_req, res) => res.writeHead(200).end();
    await publish();
    expect(other.requests[0]).toMatchObject({ method: 'PUT', path: '/put' });
    expectStayed(other.requests.length);
  });

  it('goes nowhere with a change that is sent on, and neither does the change', async () => {
    for (const path of ['/preupload/', '/objects/batch', '/commit/']) {
      for (const status of [302, 307, 308]) {
        const upload = { upload: { href: `${fake.endpoint}/put` } };
        const batch: FakeAnswer = (_req, res) =>
          json(res, { transfer: 'basic', objects: [{ oid: SHA256, size: CONTENT.length, actions: upload }] });
        fake.answer = publishing({
          '/objects/batch': batch,
          '/put': (_req, res) => res.end(),
          [path]: elsewhere(status),
        });
        const { message } = await failureOf(publish());
        expect(message, `${path} by ${status}`).toMatch(/not sent on to 127\.0\.0\.1/);
        expectStayed(0);
      }
    }
    // Bytes of an upload neither, wherever they go.
    const batch: FakeAnswer = (_req, res) =>
      json(res, {
        transfer: 'basic',
        objects: [{ oid: SHA256, size: CONTENT.length, actions: { upload: { href: `${fake.endpoint}/put` } } }],
      });
    fake.answer = publishing({ '/objects/batch': batch, '/put': elsewhere(307) });
    await failureOf(publish());
    expectStayed(0);
  });

  it('goes with a change to another name at the same hub', async () => {
    const seen: [string, string | undefined][] = [];
    fake.answer = publishing({
      '/alice/m/preupload/': (req, res) =>
        res.writeHead(307, { Location: req.url!.replace('alice/m', 'alice/renamed') }).end(),
      '/alice/renamed/preupload/': (req, res) => {
        seen.push([req.method!, req.headers.authorization]);
        json(res, { files: [{ path: 'x.bin', uploadMode: 'regular' }] });
      },
    });
    await publish();
    expect(seen).toEqual([['POST', `Bearer ${TOKEN}`]]);
  });
});
