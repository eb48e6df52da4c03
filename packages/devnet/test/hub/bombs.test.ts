import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HubFixture, openHub } from './local-hub.ts';

const LIMITS = {
  jsonBytes: 200_000,
  commitBytes: 1_000_000,
  commitLineBytes: 100_000,
  commitOperations: 50,
};

/** Bodies made to cost more than they weigh. Each is refused, nothing of it is kept, and the hub goes on. */
describe('a body that is a bomb', () => {
  let f: HubFixture;
  beforeAll(async () => {
    f = await openHub({ limits: LIMITS });
    const body = JSON.stringify({ name: 'm', organization: 'alice', type: 'model' });
    expect((await f.send('/api/repos/create', { method: 'POST', token: f.alice, body })).status).toBe(200);
  });
  afterAll(() => f.stop());

  const header = JSON.stringify({ key: 'header', value: { summary: 'x' } });
  const file = (path: string, content: string) =>
    JSON.stringify({ key: 'file', value: { path, content, encoding: 'base64' } });
  const head = async () => {
    const answer = await f.send('/api/models/alice/m/revision/main', { token: f.alice });
    return ((await answer.json()) as { sha: string }).sha;
  };
  /** 0: the connection was cut while the body went out, which a refusal may do. */
  const post = async (path: string, body: NonNullable<RequestInit['body']>, duplex?: 'half') => {
    try {
      const init = { method: 'POST', token: f.alice, body, ...(duplex ? { duplex } : {}) };
      return (await f.send(path, init)).status;
    } catch {
      return 0;
    }
  };
  const commit = (lines: string[]) => post('/api/models/alice/m/commit/main', [header, ...lines].join('\n'));
  /** As long as anybody takes it, a piece at a time, of no announced length. */
  const endless = (piece: string) => {
    const bytes = new TextEncoder().encode(piece);
    return new ReadableStream({ pull: (controller) => controller.enqueue(bytes) });
  };

  it('in a commit: too many operations, one line too long, too much in all, a line and a body without end', async () => {
    const before = await head();
    const many = Array.from({ length: LIMITS.commitOperations + 1 }, (_, i) => file(`f${i}`, 'eA=='));
    expect(await commit(many)).toBe(413);
    expect(await commit([file('long', 'eHh4'.repeat(30_000))])).toBe(413);
    const most = Array.from({ length: 15 }, (_, i) => file(`g${i}`, 'eHh4'.repeat(20_000)));
    expect(await commit(most)).toBe(413);
    const path = '/api/models/alice/m/commit/main';
    for (const piece of ['x'.repeat(10_000), '\n'.repeat(10_000), `${file('same', 'eA==')}\n`.repeat(20)]) {
      expect([0, 400, 413, 422]).toContain(await post(path, endless(piece), 'half'));
    }
    expect(await head()).toBe(before);
    expect(await commit(many.slice(1))).toBe(200);
  });

  it('in JSON: over the limit, without end, nested without end, of too many entries', async () => {
    const [preupload, batch] = ['/api/models/alice/m/preupload/main', '/alice/m.git/info/lfs/objects/batch'];
    const deep = `${'['.repeat(90_000)}${']'.repeat(90_000)}`;
    const objects = Array.from({ length: 1_500 }, (_, i) => ({ oid: String(i).padStart(64, '0'), size: 1 }));
    for (const path of [preupload, batch]) {
      expect([0, 413]).toContain(await post(path, 'x'.repeat(LIMITS.jsonBytes + 1)));
      expect([0, 413]).toContain(await post(path, endless(' '.repeat(10_000)), 'half'));
      expect(await post(path, deep)).toBe(400);
    }
    const operation = { operation: 'upload', transfers: ['basic'] };
    expect([400, 413]).toContain(await post(batch, JSON.stringify({ ...operation, objects })));
    expect((await f.send('/api/whoami-v2', { token: f.alice })).status).toBe(200);
  });
});
