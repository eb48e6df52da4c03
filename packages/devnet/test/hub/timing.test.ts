import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TokenStore } from '../../src/hub/tokens.ts';
import { type HubFixture, openHub } from './local-hub.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const ratio = (a: number, b: number) => Math.max(a, b) / Math.min(a, b);
/** Taken in turn, so that a busy machine slows them alike; what would give something away is many times as long. */
const MOST_RATIO = 1.5;
/** A median of hundreds is steady, but for a machine that changes its pace half way. */
const RETRY = { retry: 3, timeout: 60_000 };

/** What can be told by the clock. */
describe('local hub against a stopwatch', () => {
  let f: HubFixture;
  beforeAll(async () => {
    f = await openHub();
    const body = JSON.stringify({ name: 'private', organization: 'alice', type: 'model', visibility: 'private' });
    expect((await f.send('/api/repos/create', { method: 'POST', token: f.alice, body })).status).toBe(200);
    const mine = JSON.stringify({ name: 'mine', organization: 'bob', type: 'model', visibility: 'private' });
    expect((await f.send('/api/repos/create', { method: 'POST', token: f.bob, body: mine })).status).toBe(200);
    // A history and files, which a request that is refused must not come to read.
    for (let n = 0; n < 5; n++) expect((await commit('alice/private', f.alice, `n${n}`, `text ${n}`)).status).toBe(200);
  });
  afterAll(() => f.stop());

  const commit = (repo: string, token: string, path: string, text: string) => {
    const value = { path, content: Buffer.from(text).toString('base64'), encoding: 'base64' };
    const body = JSON.stringify({ key: 'file', value });
    return f.send(`/api/models/${repo}/commit/main`, { method: 'POST', token, body });
  };

  const ROUTES: [string, string, string][] = [
    ['GET', '/api/models/REPO', ''],
    ['GET', '/api/models/REPO/tree/main?recursive=true', ''],
    ['GET', '/api/models/REPO/commits/main', ''],
    ['GET', '/REPO/resolve/main/n1', ''],
    ['HEAD', '/REPO/resolve/main/n1', ''],
    ['GET', '/REPO/raw/main/n1', ''],
    ['POST', '/api/models/REPO/preupload/main', JSON.stringify({ files: [{ path: 'x', size: 1, sample: '' }] })],
    ['POST', '/api/models/REPO/commit/main', '{"key":"deletedFile","value":{"path":"n1"}}'],
    ['POST', '/api/models/REPO/commit/main', 'not JSON'],
    ['POST', '/api/models/REPO/branch/dev', '{}'],
    ['DELETE', '/api/models/REPO/branch/main', ''],
    ['PUT', '/api/models/REPO/settings', '{"private":false}'],
    ['POST', '/REPO.git/info/lfs/objects/batch', JSON.stringify({ operation: 'upload', objects: [] })],
    ['POST', '/REPO.git/info/lfs/objects/batch', JSON.stringify({ operation: 'download', objects: [] })],
    ['POST', '/REPO.git/info/lfs/verify', JSON.stringify({ oid: '1'.repeat(64), size: 1 })],
    ['DELETE', '/api/repos/delete', '{"name":"REPO"}'],
    ['GET', '/api/models/REPO/no-such-route', ''],
  ];

  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  /** Everything that comes back but the date and the number of the request, and how long it took. */
  function timed(
    method: string,
    path: string,
    token: string | undefined,
    body: string,
  ): Promise<{ seen: string; ms: number }> {
    return new Promise((resolve, reject) => {
      const start = performance.now();
      const headers = {
        'Content-Length': Buffer.byteLength(body),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      };
      const req = request(`${f.hub.endpoint}${path}`, { method, agent, headers }, async (res) => {
        let text = '';
        for await (const chunk of res) text += chunk;
        const ms = performance.now() - start;
        const { date: _date, 'x-request-id': _id, ...kept } = res.headers;
        resolve({ seen: JSON.stringify([res.statusCode, kept, text]), ms });
      });
      req.on('error', reject).end(body);
    });
  }

  it.each(ROUTES)(
    '%s %s %s: a private repo is answered like an absent one, and as fast',
    RETRY,
    async (method, path, body) => {
      for (const token of [undefined, f.bob]) {
        const times = { private: [] as number[], absent: [] as number[] };
        for (let round = 0; round < 60; round++) {
          const answers = new Set<string>();
          for (const name of round % 2 === 0 ? (['private', 'absent'] as const) : (['absent', 'private'] as const)) {
            const put = (text: string) => text.replace('REPO', `alice/${name}`);
            const { seen, ms } = await timed(method, put(path), token, put(body));
            answers.add(seen);
            times[name].push(ms);
          }
          expect([...answers], token ? 'as bob' : 'as nobody').toHaveLength(1);
        }
        expect(ratio(median(times.private), median(times.absent))).toBeLessThan(MOST_RATIO);
      }
    },
  );

  it('says the same to who creates a repo that is there and private, or is not', async () => {
    for (const name of ['alice/private', 'alice/absent']) {
      const { status, headers } = await f.send('/api/repos/create', {
        method: 'POST',
        token: f.bob,
        body: JSON.stringify({ name }),
      });
      expect([status, headers.get('x-error-message')], name).toEqual([
        403,
        'You don\'t have the rights to create a model under the namespace "alice"',
      ]);
    }
  });

  it('takes as long for the first of many tokens as for the last and for none', RETRY, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hub-tokens-'));
    try {
      const store = await TokenStore.open(folder);
      const tokens: string[] = [];
      for (let n = 0; n < 300; n++) tokens.push(await store.create({ namespace: `n${n}`, role: 'read' }));
      const asked = { first: tokens[0]!, last: tokens.at(-1)!, none: `${tokens[0]!.slice(0, -1)}!`, other: 'x' };
      const times = { first: [] as number[], last: [] as number[], none: [] as number[], other: [] as number[] };
      for (let round = 0; round < 400; round++) {
        for (const name of ['first', 'last', 'none', 'other'] as const) {
          const start = performance.now();
          try {
            store.authenticate(`Bearer ${asked[name]}`);
          } catch {
            // Not known: refused.
          }
          times[name].push(performance.now() - start);
        }
      }
      const { first, last, none, other } = times;
      for (const pair of [
        [first, last],
        [none, other],
        [last, none],
      ] as const) {
        expect(ratio(median(pair[0]), median(pair[1]))).toBeLessThan(MOST_RATIO);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('does the same work for content that another repo has already', async () => {
    const text = `the PIN is ${randomBytes(2).readUInt16LE()}`;
    expect((await commit('alice/private', f.alice, 'pin.txt', text)).status).toBe(200);
    const sum = sha256(Buffer.from(text));
    const object = join(f.dataDir, 'objects/sha256', sum.slice(0, 2), sum.slice(2, 4), sum);
    const { ctimeNs } = await stat(object, { bigint: true });
    // Whoever guesses it would else be told by a commit that need not write to disk.
    expect((await commit('bob/mine', f.bob, 'guess.txt', text)).status).toBe(200);
    expect((await stat(object, { bigint: true })).ctimeNs).toBeGreaterThan(ctimeNs);
  });
});
