import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { rowsDigest, toJsonLines, writeShards } from '@tuning/dataset';
import type { Hub } from '@tuning/hub';
import { type PublishedSplit, sha256Hex } from '@tuning/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fetchTrainSplit } from '../src/train-split.ts';

const ROWS = Array.from({ length: 300 }, (_, i) => ({ messages: [{ role: 'user', content: `row ${i}` }], n: i }));
const LINES = Buffer.from(toJsonLines(ROWS));
const file = { sha256: rowsDigest(ROWS), bytes: LINES.length, rows: ROWS.length };
const where = { repo: 'v/tuning-x', revision: 'a'.repeat(40) };
const JSON_LINES: PublishedSplit = { ...where, file: { ...file, path: 'data/train.jsonl' } };

/** A hub with one repo. */
class FakeRepo {
  readonly files = new Map<string, Buffer>();
  download: Hub['download'] = async ({ to, accept, limits }) => {
    const wanted = [...this.files].filter(([path]) => accept?.(path) ?? true);
    expect(wanted.reduce((sum, [, content]) => sum + content.length, 0)).toBeLessThanOrEqual(limits.maxBytes);
    for (const [path, content] of wanted) {
      await mkdir(dirname(join(to, path)), { recursive: true });
      await writeFile(join(to, path), content);
    }
    return wanted.map(([path, content]) => ({ path, size: content.length, sha256: sha256Hex(content) }));
  };
}

let dir: string;
let repo: FakeRepo;
let shards: NonNullable<PublishedSplit['shards']>;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'train-split-'));
  await mkdir(join(dir, 'data'));
  repo = new FakeRepo();
  const made = join(dir, 'made');
  await mkdir(made);
  await writeFile(join(made, 'rows.jsonl'), LINES);
  const written = await writeShards({
    rowsFile: join(made, 'rows.jsonl'),
    sha256: file.sha256,
    folder: made,
    shardBytes: 5_000,
  });
  if (!('shards' in written)) throw new Error(written.notTabular);
  shards = written.shards;
  for (const { path } of shards) repo.files.set(path, await readFile(join(made, path)));
  repo.files.set('README.md', Buffer.from('not asked for'));
  await rm(made, { recursive: true });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const fetchSplit = (split: PublishedSplit) =>
  fetchTrainSplit(repo as unknown as Hub, split, dir, new AbortController().signal);

it('shards become the rows that were sealed', async () => {
  expect(shards.length).toBeGreaterThan(2);
  await fetchSplit({ ...where, file, shards });
  expect((await readFile(join(dir, 'data', 'train.jsonl'))).equals(LINES)).toBe(true);
  expect(await readdir(dir)).toEqual(['data']);
  expect(await readdir(join(dir, 'data'))).toEqual(['train.jsonl']);
});

it('the JSON lines of an older validator are taken as they are', async () => {
  repo.files.set('data/train.jsonl', LINES);
  await fetchSplit(JSON_LINES);
  expect((await readFile(join(dir, 'data', 'train.jsonl'))).equals(LINES)).toBe(true);
});

it('other files, other rows, more rows than promised and missing shards are refused', async () => {
  const refused = async (split: PublishedSplit, code: string) => {
    await expect(fetchSplit(split)).rejects.toMatchObject({ name: 'BadInputError', code });
    expect(await readdir(join(dir, 'data'))).not.toContain('train.jsonl');
  };
  const bad = shards.map((shard, i) => (i === 1 ? { ...shard, sha256: 'b'.repeat(64) } : shard));
  await refused({ ...where, file, shards: bad }, 'TRAIN_SPLIT_MISMATCH');
  await refused({ ...where, file, shards: shards.toReversed() }, 'TRAIN_SPLIT_MISMATCH');
  await refused({ ...where, file: { ...file, bytes: 100 }, shards }, 'DATASET_TOO_LARGE');
  await refused(
    { ...where, file, shards: [...shards, { ...shards[0]!, path: 'data/absent' }] },
    'TRAIN_SPLIT_MISMATCH',
  );
  repo.files.set('data/train.jsonl', Buffer.from('{}\n'));
  await refused(JSON_LINES, 'TRAIN_SPLIT_MISMATCH');
});
