import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Row, rowsDigest, toJsonLines } from '@tuning/dataset';
import { type LocalHub, startHub } from '@tuning/devnet';
import { createHub } from '@tuning/hub';
import { Secret } from '@tuning/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TaskSteps } from '../../packages/validator/src/task-steps.ts';
import { publishTrainSplit } from '../../packages/validator/src/train-publication.ts';
import { FakeChain } from '../../packages/validator/test/fake-chain.ts';
import { FakePeer } from '../../packages/validator/test/fake-peer.ts';
import { fakeServices, putSplit } from '../../packages/validator/test/fake-services.ts';
import { insertTask, openTempStore, request } from '../../packages/validator/test/temp-store.ts';
import { HUB, hubEnvironment, runScript } from './python.ts';

const SLOW_MS = 280_000;
const QA = Array.from({ length: 1_200 }, (_, i) => ({
  instruction: `What is ${i}? "Ü"`,
  input: i % 2 === 0 ? null : 'in\nlines',
  output: `🦆 ${i}`,
}));
const CHATS = Array.from({ length: 40 }, (_, i) => ({
  messages: [
    { role: 'user', content: `hi ${i}` },
    { role: 'assistant', content: i === 7 ? null : 'hello' },
  ],
  tags: i === 3 ? [] : ['a', null],
  n: i - 20,
  ok: i === 5 ? null : i % 2 === 0,
}));
/** No table holds these: they go out as JSON lines. */
const RAGGED = Array.from({ length: 30 }, (_, i) => ({ text: `row ${i}`, more: i < 15 ? { a: 1 } : { a: 1, b: 2 } }));

describe.skipIf(!HUB.python)('datasets reads train splits that a validator published', () => {
  let folder: string;
  let hub: LocalHub;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'interop-split-'));
    hub = await startHub({ dataDir: join(folder, 'hub') });
  });
  afterAll(async () => {
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The validator's own step, with the real client; chain and peers have no part in it. */
  async function publish(taskId: string, rows: Row[]) {
    const opened = await openTempStore();
    try {
      const token = new Secret(await hub.createToken({ namespace: 'v', role: 'write' }));
      const parts = { ...opened, chain: new FakeChain(), peer: new FakePeer(), signal: new AbortController().signal };
      const services = { ...fakeServices(parts), hub: createHub({ endpoint: hub.endpoint, token }) };
      insertTask(opened.store, taskId, 'preparing');
      insertTask(opened.store, 'f'.repeat(16), 'preparing');
      const known = putSplit(opened.store, 'f'.repeat(16));
      const lines = toJsonLines(rows);
      const file = { sha256: rowsDigest(rows), bytes: lines.length, rows: rows.length };
      const steps = new TaskSteps(opened.store.steps, taskId);
      steps.put('source', {
        ...known.need('source'),
        source: { kind: 'hf', repo: 'a/b', revision: '1'.repeat(40), files: [], licence: ['mit'] },
      });
      const split = known.need('split');
      steps.put('split', { ...split, trainDigest: file.sha256, file, rows: { ...split.rows, train: rows.length } });
      const root = join(opened.folder, 'tasks', taskId);
      mkdirSync(root, { recursive: true });
      writeFileSync(join(root, 'train.jsonl'), lines);
      return await publishTrainSplit(services, steps, { ...request, training_blocks: 240, sequence_len: 96 });
    } finally {
      await opened.remove();
    }
  }

  const text = { dtype: 'string', _type: 'Value' };
  it.each([
    ['questions', '1', QA, { input: text, instruction: text, output: text }],
    [
      'chats',
      '2',
      CHATS,
      {
        messages: { _type: 'List', feature: { content: text, role: text } },
        n: { dtype: 'int64', _type: 'Value' },
        ok: { dtype: 'bool', _type: 'Value' },
        tags: { _type: 'List', feature: text },
      },
    ],
  ])('as parquet: %s', async (_, digit, rows, features) => {
    const { repo, revision, shards } = await publish(digit.repeat(16), rows);
    expect(shards).toHaveLength(1);
    const env = hubEnvironment(hub.endpoint, await hub.createToken({ namespace: 'reader', role: 'read' }));
    const found = await runScript(HUB, 'hub.py', ['split', repo, revision], env, SLOW_MS);
    expect(found).toMatchObject({
      sizes: { train: rows.length },
      features,
      digest: rowsDigest(rows),
      latest: rows.length,
      streamed: rows.length,
      told: true,
      card: { license: ['mit'], tags: ['tuning-subnet'] },
    });
  });

  it('as JSON lines where the rows fit no table', async () => {
    const { repo, revision, shards } = await publish('3'.repeat(16), RAGGED);
    expect(shards).toBeUndefined();
    const env = hubEnvironment(hub.endpoint, await hub.createToken({ namespace: 'reader', role: 'read' }));
    const found = await runScript(HUB, 'hub.py', ['split', repo, revision], env, SLOW_MS);
    expect(found).toMatchObject({ sizes: { train: RAGGED.length }, latest: RAGGED.length, streamed: RAGGED.length });
  });
});
