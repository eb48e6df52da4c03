import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub } from '@tuning/hub';
import { silentLogger } from '@tuning/kit';
import type { ModelCache, ModelFacts } from '@tuning/neuron';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SmallDisk } from '../../../test/small-disk.ts';
import { createMinerApi } from '../src/http-api.ts';
import { FakeWorker } from './fake-worker.ts';
import { openTempStore } from './temp-store.ts';

const disk = SmallDisk.mount(8 * 1024 ** 2);
afterAll(() => disk?.unmount());

let opened: Awaited<ReturnType<typeof openTempStore>>;
beforeEach(async () => {
  opened = await openTempStore();
});
afterEach(() => opened.remove());

const model = { repo: 'demo/tiny', revision: 'a'.repeat(40) };

async function order(facts: ModelFacts, maxModelBytes = 2 ** 30) {
  const dataFolder = disk!.folder;
  const rows = join(opened.folder, 'rows.csv');
  await mkdir(opened.folder, { recursive: true });
  const lines = Array.from({ length: 30 }, (_, at) => `question ${at},,answer ${at}`);
  await writeFile(rows, `instruction,input,output\n${lines.join('\n')}\n`);
  const server = createMinerApi({
    store: opened.store,
    worker: new FakeWorker().asWorker(),
    models: { survey: async () => ({ model, facts }) } as unknown as ModelCache,
    hub: {} as Hub,
    ...{ intakeFolder: join(dataFolder, 'intake'), dataFolder, adapter: true, maxModelBytes },
    localFiles: { from: undefined, never: [] },
    apiKey: undefined,
    logger: silentLogger,
    signal: new AbortController().signal,
  });
  const answer = await server.inject({
    method: 'POST',
    url: '/train/',
    headers: { host: '127.0.0.1' },
    payload: { dataset: rows, model: model.repo, dataset_type: 'alpaca', file_format: 'csv' },
  });
  await server.close();
  return { status: answer.statusCode, body: answer.json() as { error?: { code: string; message: string } } };
}

describe.skipIf(!disk)('POST /train/ with a small disk', () => {
  it('takes what fits', async () => {
    expect(await order({ bytes: 1e6, parameters: 1, cached: false })).toMatchObject({ status: 202 });
    expect(opened.store.jobs.count('Queued')).toBe(1);
  });

  it('refuses what does not, in bytes, before anything is written', async () => {
    const { status, body } = await order({ bytes: 5e6, parameters: 1, cached: false });
    expect([status, body.error?.code]).toEqual([507, 'DISK_FULL']);
    expect(body.error?.message).toMatch(
      /^the job needs about 13597152 bytes of disk and \/.+ has \d+ left: free some space$/,
    );
    expect(opened.store.jobs.count('Queued')).toBe(0);
  });

  it('takes a larger model that is on the disk already', async () => {
    expect(await order({ bytes: 4e6, parameters: 1, cached: true })).toMatchObject({ status: 202 });
  });

  it('that is filled meanwhile refuses too, and leaves no rows behind', async () => {
    disk!.fill();
    expect(await order({ bytes: 1e5, parameters: 1, cached: true })).toMatchObject({ status: 507 });
    disk!.free();
  });

  it('refuses a model over policy.max_model_gb before its download', async () => {
    const { status, body } = await order({ bytes: 1e5, parameters: 1, cached: false }, 1e4);
    expect([status, body.error?.code]).toEqual([413, 'MODEL_TOO_LARGE']);
  });
});
