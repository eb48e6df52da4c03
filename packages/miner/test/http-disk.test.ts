import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub } from '@tuning/hub';
import { silentLogger } from '@tuning/kit';
import type { ModelCache } from '@tuning/neuron';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SmallDisk } from '../../../test/small-disk.ts';
import { createMinerApi } from '../src/http-api.ts';
import { RoomBook } from '../src/room-book.ts';
import { FakeWorker } from './fake-worker.ts';
import { openTempStore } from './temp-store.ts';

const disk = SmallDisk.mount(8 * 1024 ** 2);
afterAll(() => disk?.unmount());

let opened: Awaited<ReturnType<typeof openTempStore>>;
beforeEach(async () => {
  opened = await openTempStore();
});
afterEach(async () => {
  await opened.remove();
  await rm(join(disk?.folder ?? '', 'intake'), { recursive: true, force: true });
});

/** By what is held of every model; one for all orders of a test, as in a miner. */
const books = new Map<number, RoomBook>();
beforeEach(() => books.clear());

function newBook(heldBytes: number): RoomBook {
  const book = new RoomBook({
    folder: disk!.folder,
    jobsRoot: join(disk!.folder, 'jobs'),
    jobs: opened.store.jobs,
    models: { heldBytes: async () => heldBytes, tidy: async () => {} },
    adapter: true,
  });
  books.set(heldBytes, book);
  return book;
}

const model = { repo: 'demo/tiny', revision: 'a'.repeat(40) };

/** Orders a training of a model of so many bytes, of which some are on the disk already. */
async function order({ bytes, heldBytes = 0 }: { bytes: number; heldBytes?: number }, maxModelBytes = 2 ** 30) {
  const dataFolder = disk!.folder;
  const rows = join(opened.folder, 'rows.csv');
  await mkdir(opened.folder, { recursive: true });
  const lines = Array.from({ length: 30 }, (_, at) => `question ${at},,answer ${at}`);
  await writeFile(rows, `instruction,input,output\n${lines.join('\n')}\n`);
  const server = createMinerApi({
    store: opened.store,
    worker: new FakeWorker().asWorker(),
    models: { survey: async () => ({ model, facts: { bytes, parameters: 1 } }) } as unknown as ModelCache,
    hub: {} as Hub,
    room: books.get(heldBytes) ?? newBook(heldBytes),
    ...{ intakeFolder: join(dataFolder, 'intake'), maxModelBytes },
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
    expect(await order({ bytes: 1e6 })).toMatchObject({ status: 202 });
    expect(opened.store.jobs.count('Queued')).toBe(1);
  });

  it('refuses what does not, in bytes, before anything is written', async () => {
    const { status, body } = await order({ bytes: 5e6 });
    expect([status, body.error?.code]).toEqual([507, 'DISK_FULL']);
    expect(body.error?.message).toMatch(
      /^the job needs about 13597152 bytes of disk and \/.+ has \d+ left: free some space$/,
    );
    expect(opened.store.jobs.count('Queued')).toBe(0);
  });

  it('takes a larger model that is on the disk already', async () => {
    expect(await order({ bytes: 4e6, heldBytes: 4e6 })).toMatchObject({ status: 202 });
  });

  it('takes one of two that fit alone but not together, in whatever order they come, until the first has ended', async () => {
    const two = await Promise.all([order({ bytes: 1.3e6 }), order({ bytes: 1.3e6 })]);
    expect(two.map(({ status }) => status).sort()).toEqual([202, 507]);
    const refused = two.find(({ status }) => status === 507)!.body.error;
    expect(refused).toMatchObject({ code: 'DISK_FULL', message: expect.stringMatching(/, \d{7} of them for jobs/) });
    const jobs = opened.store.jobs.list();
    expect(jobs).toHaveLength(1);
    expect(await readdir(join(disk!.folder, 'intake'))).toEqual([jobs[0]!.id]);
    expect(await order({ bytes: 1.3e6 })).toMatchObject({ status: 507 });
    opened.store.jobs.finish(jobs[0]!.id, 'Failed');
    expect(await order({ bytes: 1.3e6 })).toMatchObject({ status: 202 });
  });

  it('that is filled meanwhile refuses too, and leaves no rows behind', async () => {
    disk!.fill();
    expect(await order({ bytes: 1e5, heldBytes: 1e5 })).toMatchObject({ status: 507 });
    disk!.free();
  });

  it('refuses a model over policy.max_model_gb before its download', async () => {
    const { status, body } = await order({ bytes: 1e5 }, 1e4);
    expect([status, body.error?.code]).toEqual([413, 'MODEL_TOO_LARGE']);
  });
});
