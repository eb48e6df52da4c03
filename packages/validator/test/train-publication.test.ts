import { mkdirSync, writeFileSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pickTrainFiles, type Row, readDatasetFiles, readmeLicence, rowsDigest, toJsonLines } from '@tuning/dataset';
import type { Hub, HubUpload } from '@tuning/hub';
import { publishedSplitSchema, type TaskRequest } from '@tuning/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildOffer } from '../src/offer.ts';
import { TaskSteps } from '../src/task-steps.ts';
import { publishTrainSplit } from '../src/train-publication.ts';
import { FakeChain } from './fake-chain.ts';
import { FakePeer } from './fake-peer.ts';
import { fakeServices, putDraw } from './fake-services.ts';
import { insertTask, openTempStore, request } from './temp-store.ts';

const TASK = 'c'.repeat(16);
let opened: Awaited<ReturnType<typeof openTempStore>>;
/** Steps of another task that got as far as drawing. */
let known: TaskSteps;
beforeEach(async () => {
  opened = await openTempStore();
  insertTask(opened.store, 'd'.repeat(16), 'preparing');
  known = putDraw(opened.store, 'd'.repeat(16), []);
});
afterEach(() => opened.remove());

/** What goes up, read before the validator tidies up. */
class FakeUploads {
  readonly files = new Map<string, Buffer>();
  publish: Hub['publish'] = async ({ files }) => {
    for (const file of files) this.files.set(file.path, await contentOf(file));
    return { revision: 'c'.repeat(40) };
  };
}
const contentOf = async ({ content }: HubUpload) =>
  typeof content === 'string' ? readFile(content) : Buffer.from(content);

const SETTINGS = { training_blocks: 240, sequence_len: 96 };

async function publish(rows: Row[], over: Partial<TaskRequest> = {}, licence?: string[]) {
  insertTask(opened.store, TASK, 'preparing');
  const lines = toJsonLines(rows);
  const folder = join(opened.folder, 'tasks', TASK);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'train.jsonl'), lines);
  const steps = new TaskSteps(opened.store.steps, TASK);
  const file = { sha256: rowsDigest(rows), bytes: lines.length, rows: rows.length };
  steps.put('source', {
    ...known.need('source'),
    source: licence
      ? { kind: 'hf', repo: 'hidden/source', revision: '1'.repeat(40), files: [], licence }
      : { kind: 'file', path: '/hidden/rows.csv' },
  });
  steps.put('seed', 'e'.repeat(64));
  const split = { ...known.need('split'), trainDigest: file.sha256, file };
  split.rows = { ...split.rows, train: rows.length, dataset: rows.length + 4 };
  steps.put('split', split);
  const uploads = new FakeUploads();
  const parts = { ...opened, chain: new FakeChain(), peer: new FakePeer(), signal: new AbortController().signal };
  const services = { ...fakeServices(parts), hub: uploads as unknown as Hub };
  const published = await publishTrainSplit(services, steps, { ...request, ...SETTINGS, ...over });
  const card = String(uploads.files.get('README.md'));
  return { uploads: uploads.files, published, card, head: parse(card.split('---\n')[1]!), file, services };
}

const ROWS = Array.from({ length: 50 }, (_, i) => ({ instruction: `q${i}`, input: null, output: `a${i}` }));

it('goes out as parquet whose card says what load_dataset and people need', async () => {
  const { uploads, published, card, head, file, services } = await publish(ROWS, {}, ['cc-by-4.0']);
  const path = 'data/train-00000-of-00001.parquet';
  expect([...uploads.keys()]).toEqual([path, 'README.md']);
  expect(published.shards).toEqual([expect.objectContaining({ path, rows: 50, bytes: uploads.get(path)!.length })]);
  expect(head).toEqual({
    pretty_name: `Train split of task ${TASK}`,
    license: ['cc-by-4.0'],
    task_categories: ['text-generation'],
    size_categories: ['n<1K'],
    tags: ['tuning-subnet'],
    configs: [{ config_name: 'default', data_files: [{ split: 'train', path: 'data/train-*.parquet' }] }],
    dataset_info: {
      features: ['input', 'instruction', 'output'].map((name) => ({ name, dtype: 'string' })),
      splits: [{ name: 'train', num_examples: 50 }],
      download_size: uploads.get(path)!.length,
    },
  });
  for (const told of ['demo/tiny', '50 of 54', '240 blocks', '96 tokens', file.sha256, '7'.repeat(64), '"alpaca"']) {
    expect(card).toContain(told);
  }
  // Neither the seed nor where the other rows are to be found.
  for (const secret of ['e'.repeat(64), 'hidden', '5'.repeat(64), '6'.repeat(64)]) expect(card).not.toContain(secret);
  await expect(access(join(services.folder.path, 'tasks', TASK, 'publication'))).rejects.toThrow('ENOENT');
  // Our own reader of hub datasets takes it for what it is.
  const folder = join(opened.folder, 'copy');
  mkdirSync(join(folder, 'data'), { recursive: true });
  writeFileSync(join(folder, path), uploads.get(path)!);
  const picked = pickTrainFiles([...uploads.keys()], card);
  const read = await readDatasetFiles(picked.map((one) => ({ ...one, path: join(folder, one.path) })));
  expect(read.digest).toBe(file.sha256);
  expect(readmeLicence(card)).toEqual(['cc-by-4.0']);
});

it('goes out as JSON lines where the rows fit no table', async () => {
  const rows = [...ROWS, { instruction: 7, input: null, output: 'a' }];
  const { uploads, published, head, file } = await publish(rows);
  const path = 'data/train-00000-of-00001.jsonl';
  expect(published).toMatchObject({ path });
  expect(published.shards).toBeUndefined();
  expect(uploads.get(path)!.length).toBe(file.bytes);
  expect(head.configs[0].data_files).toEqual([{ split: 'train', path }]);
  expect(head).not.toHaveProperty('dataset_info');
  expect(head).not.toHaveProperty('license');
});

it('a prompt in the order cannot break out of its place in the card', async () => {
  const format = '```\n---\n# not ours\n---\n{instruction}';
  const { card } = await publish(ROWS, { dataset_type: { field_instruction: 'instruction', format } });
  expect(card.split('\n').filter((line) => /^(```|---|# )/.test(line))).toEqual([
    '---',
    '---',
    `# Train split of task ${TASK}`,
    '```json',
    '```',
  ]);
});

it('is offered as shards, as the one file, and for tasks that older versions prepared', async () => {
  const { published, file, services } = await publish(ROWS);
  const offered = (id: string, put: (steps: TaskSteps) => void) => {
    insertTask(opened.store, id, 'offering');
    const steps = new TaskSteps(opened.store.steps, id);
    steps.put('source', known.need('source'));
    put(steps);
    opened.store.tasks.patch(id, { schedule: { window: 1, offerDeadlineBlock: 100, deadlineBlock: 200 } });
    return publishedSplitSchema.parse(buildOffer(services, steps, request).dataset);
  };
  const split = (path?: string) => ({
    ...known.need('split'),
    file: { ...file, ...(path ? { path } : {}) },
  });
  const [repo, revision] = ['v/tuning', '9'.repeat(40)];
  const shards = offered('1'.repeat(16), (steps) => {
    steps.put('split', split());
    steps.put('publish', published);
  });
  expect(shards).toMatchObject({ file: { sha256: file.sha256 }, shards: published.shards });
  expect(shards.file.path).toBeUndefined();
  const lines = offered('2'.repeat(16), (steps) => {
    steps.put('split', split());
    steps.put('publish', { repo, revision, path: 'data/x.jsonl' });
  });
  expect(lines).toEqual({ repo, revision, file: { ...file, path: 'data/x.jsonl' } });
  const old = offered('3'.repeat(16), (steps) => {
    steps.put('split', split('data/old.jsonl'));
    steps.put('publish', { repo, revision });
  });
  expect(old).toEqual({ repo, revision, file: { ...file, path: 'data/old.jsonl' } });
});
