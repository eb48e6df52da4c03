import { inspect } from 'node:util';
import { Secret } from '@tuning/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHub } from '../src/index.ts';
import { type Fixture, failureOf, openFixture } from './hub-fixture.ts';

const ID = '0'.repeat(40);

describe('what an operator reads when the hub says no', () => {
  let f: Fixture;
  beforeAll(async () => {
    f = await openFixture();
    const alice = await f.client({ namespace: 'alice', role: 'write' });
    await alice.publish({
      type: 'model',
      repo: 'alice/m',
      visibility: 'public',
      files: [{ path: 'x', content: Buffer.from('x') }],
      message: 'x',
    });
  });
  afterAll(() => f.stop());

  const upload = {
    type: 'model' as const,
    repo: 'alice/m',
    visibility: 'private' as const,
    files: [{ path: 'y', content: Buffer.from('y') }],
    message: 'y',
  };

  it('no token', async () => {
    const hub = await f.client(undefined);
    for (const failure of [hub.whoAmI(), hub.publish(upload), hub.requireWrite('alice')]) {
      const { name, code, message } = await failureOf(failure);
      expect([name, code]).toEqual(['OperatorError', 'HUB_TOKEN_MISSING']);
      expect(message).toContain('HF_TOKEN');
    }
  });

  it('a token that the hub does not know', async () => {
    const hub = createHub({ endpoint: f.server.endpoint, token: new Secret('hf_unknownToken') });
    for (const failure of [hub.whoAmI(), hub.publish(upload), hub.resolve(upload)]) {
      const { name, code, message } = await failureOf(failure);
      expect([name, code]).toEqual(['OperatorError', 'HUB_TOKEN_INVALID']);
      expect(message).not.toContain('unknownToken');
    }
  });

  it('a token of another form', () => {
    expect(() => createHub({ endpoint: f.server.endpoint, token: new Secret('sk-1234') })).toThrow(/hf_/);
  });

  it('a read-only token', async () => {
    const hub = await f.client({ namespace: 'alice', role: 'read' });
    expect(await failureOf(hub.publish(upload))).toMatchObject({ name: 'OperatorError', code: 'HUB_TOKEN_READ_ONLY' });
    expect(await hub.resolve(upload)).toMatchObject({ private: false });
    expect((await failureOf(hub.setVisibility(upload, 'private'))).code).toBe('HUB_FORBIDDEN');
  });

  it('a token of another namespace', async () => {
    const hub = await f.client({ namespace: 'bob', role: 'write' });
    const { name, code, message } = await failureOf(hub.publish(upload));
    expect([name, code]).toEqual(['OperatorError', 'HUB_WRONG_NAMESPACE']);
    expect(message).toContain('bob');
    await hub.requireWrite('bob');
  });

  it('a repo or revision that is not there', async () => {
    for (const hub of [await f.client(undefined), await f.client({ namespace: 'bob', role: 'read' })]) {
      const { name, code, message } = await failureOf(hub.resolve({ type: 'model', repo: 'alice/none' }));
      expect([name, code]).toEqual(['BadInputError', 'HUB_REPO_NOT_FOUND']);
      expect(message).toContain('alice/none');
      const missing = hub.resolve({ type: 'model', repo: 'alice/m', revision: 'nope' });
      expect((await failureOf(missing)).code).toBe('HUB_REVISION_NOT_FOUND');
      const list = hub.list({ type: 'model', repo: 'alice/m', revision: ID });
      expect((await failureOf(list)).code).toBe('HUB_REVISION_NOT_FOUND');
    }
  });

  it('names that would become another URL', async () => {
    const hub = await f.client(undefined);
    for (const repo of ['gpt2', 'a/b?x', 'a/../b', 'a/b/c', 'alice/m.git', '/m', 'a/b#']) {
      expect((await failureOf(hub.resolve({ type: 'model', repo }))).code, repo).toBe('HUB_BAD_NAME');
    }
    for (const revision of ['main', ID.slice(1), 'x/..']) {
      expect((await failureOf(hub.list({ type: 'model', repo: 'alice/m', revision }))).code).toBe('HUB_BAD_NAME');
    }
  });

  it('a hub that is not there', async () => {
    const gone = await openFixture();
    await gone.stop();
    const hub = createHub({ endpoint: gone.server.endpoint, retryBaseMs: 1 });
    const { name, code, message } = await failureOf(hub.resolve({ type: 'model', repo: 'alice/m' }));
    expect([name, code]).toEqual(['TransientError', 'HUB_UNAVAILABLE']);
    expect(message).toMatch(/ECONNREFUSED/);
    expect(message).not.toContain('\n');
  });

  it('an endpoint that is no URL', () => {
    for (const endpoint of ['huggingface.co', 'ftp://x', 'http://user:pw@host', 'http://host/path', 'http://host/?a']) {
      expect(() => createHub({ endpoint }), endpoint).toThrow(/endpoint/);
    }
    expect(createHub({ endpoint: 'http://127.0.0.1:9/' }).endpoint).toBe('http://127.0.0.1:9');
  });

  it('keeps the token out of what is printed', () => {
    const hub = createHub({ endpoint: f.server.endpoint, token: new Secret('hf_verySecret') });
    expect(inspect(hub, { depth: 10, showHidden: true })).not.toContain('verySecret');
  });
});
