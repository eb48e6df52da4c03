import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freeBytes } from '@tuning/kit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bytesOfJob } from '../src/disk-room.ts';
import { type JobNeeds, RoomBook } from '../src/room-book.ts';
import { openTempStore } from './temp-store.ts';

const MIB = 1024 ** 2;
/** Of every model. */
let held: number;
let tidied: (object | undefined)[];
let opened: Awaited<ReturnType<typeof openTempStore>>;
let book: RoomBook;
beforeEach(async () => {
  opened = await openTempStore();
  held = 0;
  tidied = [];
  book = new RoomBook({
    folder: opened.folder,
    jobsRoot: join(opened.folder, 'jobs'),
    jobs: opened.store.jobs,
    models: { heldBytes: async () => held, tidy: async (options) => void tidied.push(options) },
    adapter: true,
  });
});
afterEach(() => opened.remove());

const needs = (modelBytes: number, name = 'a'): JobNeeds => ({
  model: { repo: `demo/${name}`, revision: 'a'.repeat(40) },
  modelBytes,
  rowsBytes: 0,
});
/** A waiting job, admitted at a time when its room was no question. */
const put = (id: string, wanted: JobNeeds) =>
  opened.store.jobs.insert({
    id,
    kind: 'task',
    payload: { kind: 'task', taskId: id.repeat(16), needs: wanted },
  });
/** A model so large that hardly more than a job over it fits. */
const most = async (share = 0.4) => Math.floor((await freeBytes(opened.folder)) * share);
const promised = (lack: string | undefined) => Number(/, (\d+) of them/.exec(lack ?? '')?.[1]);

it('counts what waiting and running jobs were promised, a model that two of them need once', async () => {
  const large = await most();
  expect(await book.lackFor(needs(large))).toBeUndefined();
  put('a', needs(10 * MIB));
  put('b', needs(10 * MIB));
  opened.store.jobs.claim(1);
  const [first, second] = [
    bytesOfJob({ modelBytes: 10 * MIB, missingBytes: 10 * MIB, rowsBytes: 0, adapter: true }),
    bytesOfJob({ modelBytes: 10 * MIB, missingBytes: 0, rowsBytes: 0, adapter: true }),
  ];
  expect(promised(await book.lackFor(needs(3 * large, 'c')))).toBe(first + second);
  opened.store.jobs.finish('a', 'Completed');
  expect(promised(await book.lackFor(needs(3 * large, 'c')))).toBe(first);
  opened.store.jobs.finish('b', 'Cancelled');
  expect(promised(await book.lackFor(needs(3 * large, 'c')))).toBeNaN();
});

it('counts what a job has written as written', async () => {
  const large = await most(1);
  put('a', needs(10 * MIB));
  const before = promised(await book.lackFor(needs(large, 'c')));
  await mkdir(join(opened.folder, 'jobs', 'a', 'out'), { recursive: true });
  await writeFile(join(opened.folder, 'jobs', 'a', 'out', 'model'), Buffer.alloc(MIB));
  held = 4 * MIB;
  const after = promised(await book.lackFor(needs(large, 'c')));
  // The margin is a fixed one for so small a job.
  expect(before - after).toBe(5 * MIB);
});

it('lets the one of two starting jobs go on that began first', async () => {
  const large = await most();
  put('a', needs(large));
  put('b', needs(large, 'b'));
  const [first, second] = [opened.store.jobs.claim(1)!, opened.store.jobs.claim(1)!];
  expect(await book.lackOfStarting(first, needs(large))).toBeUndefined();
  expect(await book.lackOfStarting(second, needs(large, 'b'))).toMatch(/^the job needs about \d+ bytes/);
  opened.store.jobs.finish('a', 'Failed');
  expect(await book.lackOfStarting(second, needs(large, 'b'))).toBeUndefined();
});

it('does not promise the same room twice to two that ask at the same time', async () => {
  const large = await most();
  const admit = (id: string) => book.admit(needs(large, id), () => put(id, needs(large, id)));
  const answers = await Promise.all([admit('a'), admit('b')]);
  expect(answers).toMatchObject([{ entered: true }, { lack: expect.stringContaining('for jobs accepted before') }]);
  expect(book.wantedModels()).toEqual([needs(0).model]);
});

it('has unused models give way before it refuses, but never the one that is asked for', async () => {
  const large = await most(1);
  const free = await freeBytes(opened.folder);
  expect(await book.lackFor(needs(large))).toMatch(/^the job needs/);
  expect(tidied).toMatchObject([{ wantedBytes: expect.any(Number), keep: needs(0).model }]);
  const { wantedBytes } = tidied[0] as { wantedBytes: number };
  const needed = bytesOfJob({ modelBytes: large, missingBytes: large, rowsBytes: 0, adapter: true });
  expect(Math.abs(needed - free - wantedBytes)).toBeLessThan(2_000 * MIB);
});

it('reads rows of jobs that an older version wrote', async () => {
  opened.store.jobs.insert({ id: 'a', kind: 'task', payload: { kind: 'task', taskId: 'a'.repeat(16) } });
  expect(await book.lackFor(needs(MIB))).toBeUndefined();
});
