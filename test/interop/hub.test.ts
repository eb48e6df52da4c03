import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LocalHub, startHub } from '@tuning/devnet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HUB, hubEnvironment, runScript, TRANSFORMERS } from './python.ts';

const SLOW_MS = 280_000;
/** A model folder for the test with torch: config, tokenizer, safetensors. */
const modelFolder = process.env['TUNING_REAL_MODEL'];

describe.skipIf(!HUB.python && !TRANSFORMERS.python)('Python clients of Hugging Face at the local hub', () => {
  let folder: string;
  let hub: LocalHub;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'interop-hub-'));
    hub = await startHub({
      dataDir: join(folder, 'hub'),
      limits: { multipartBytes: 4_000_000, partBytes: 1_000_000, treePage: 4 },
    });
  });
  afterAll(async () => {
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const writer = async (namespace: string) =>
    hubEnvironment(hub.endpoint, await hub.createToken({ namespace, role: 'write' }));

  it.skipIf(!HUB.python)('huggingface_hub uploads, reads back, changes and deletes a folder', async () => {
    const found = await runScript(HUB, 'hub.py', ['folder'], await writer('alice'), SLOW_MS);
    expect(found).toMatchObject({
      name: 'alice',
      role: 'write',
      same: true,
      one: true,
      lfs: true,
      piece: true,
      again: 'HfHubHTTPError',
      unchanged: true,
      branches: ['dev/x', 'main'],
      tags: ['v1'],
      after: ['.gitattributes', 'basic.safetensors', 'empty.txt', 'new.txt', 'parts.safetensors'],
      stale: 'HfHubHTTPError',
      missing: {
        file: expect.stringMatching(/EntryNotFoundError$/),
        revision: 'RevisionNotFoundError',
        repo: 'RepositoryNotFoundError',
        'bad token': 'HfHubHTTPError',
        'no token': 'RepositoryNotFoundError',
        'other namespace': 'HfHubHTTPError',
      },
      private: false,
      exists: false,
    });
    expect(found.before).toContain('data/deep/er/ä b.txt');
    expect(found.commits.slice(-2)).toEqual(['a folder', 'initial commit']);
  });

  it.skipIf(!HUB.python)('huggingface_hub says that a token is expired or revoked', async () => {
    const past = new Date(Date.now() - 1000);
    const expired = await hub.createToken({ namespace: 'bob', role: 'read', displayName: 'old', expiresAt: past });
    const revoked = await hub.createToken({ namespace: 'bob', role: 'read' });
    await hub.revokeToken(revoked);
    const [first, second] = await Promise.all(
      [expired, revoked].map((token) => runScript(HUB, 'hub.py', ['tokens'], hubEnvironment(hub.endpoint, token))),
    );
    expect(first).toMatchObject({ status: 401, text: expect.stringContaining('User Access Token "old" is expired') });
    expect(second).toMatchObject({ status: 401, text: expect.stringContaining('Invalid credentials') });
    expect(first.text + second.text).not.toMatch(new RegExp(`${expired}|${revoked}`));
  });

  it.skipIf(!HUB.python)('datasets loads parquet shards as the README names them', async () => {
    const found = await runScript(HUB, 'hub.py', ['rows'], await writer('carol'), SLOW_MS);
    expect(found).toMatchObject({
      sizes: { train: 100, test: 10 },
      first: { instruction: 'question 0', messages: [{ role: 'user', content: '0' }] },
      last: 'question 99',
      streamed: 'question 109',
    });
  });

  it.skipIf(!TRANSFORMERS.python || !modelFolder)('transformers loads a model and pushes one', async () => {
    const found = await runScript(TRANSFORMERS, 'hub_model.py', [modelFolder ?? ''], await writer('dan'), SLOW_MS);
    expect(found).toMatchObject({ same: true, pushed: true });
  });
});
