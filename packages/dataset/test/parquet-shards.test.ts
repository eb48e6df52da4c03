import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PublishedShards, type Row, readShards, rowsDigest, toJsonLines, writeShards } from '../src/index.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'shards-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function shardsOf(rows: Row[], shardBytes?: number) {
  const rowsFile = join(dir, 'rows.jsonl');
  const lines = toJsonLines(rows);
  await writeFile(rowsFile, lines);
  const expected = { sha256: rowsDigest(rows), bytes: lines.length, rows: rows.length };
  const folder = join(dir, 'out');
  await rm(folder, { recursive: true, force: true });
  const made = await writeShards({ rowsFile, sha256: expected.sha256, folder, ...(shardBytes ? { shardBytes } : {}) });
  const paths = 'shards' in made ? made.shards.map(({ path }) => join(folder, path)) : [];
  return { made, paths, expected };
}
const published = (made: PublishedShards | { notTabular: string }): PublishedShards => {
  if ('notTabular' in made) throw new Error(made.notTabular);
  return made;
};
const refusal = (made: object) => ('notTabular' in made ? made.notTabular : 'published');

const QA = Array.from({ length: 1_000 }, (_, i) => ({
  instruction: `What is ${i}?`,
  input: i % 3 === 0 ? null : '',
  output: `ä number, ${i} 🦆`,
}));

describe('shards of a train split', () => {
  it('hold the rows, have the bytes that are named, and are the same again', async () => {
    const { made, paths, expected } = await shardsOf(QA);
    const { shards, features } = published(made);
    expect(shards.map(({ path, rows }) => [path, rows])).toEqual([['data/train-00000-of-00001.parquet', 1_000]]);
    const bytes = await readFile(paths[0]!);
    expect(shards[0]).toMatchObject({
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    expect(await readShards(paths, { maxTextBytes: expected.bytes })).toEqual(expected);
    expect(features).toEqual([
      { name: 'input', dtype: 'string' },
      { name: 'instruction', dtype: 'string' },
      { name: 'output', dtype: 'string' },
    ]);
    const again = await shardsOf(QA);
    expect(again.made).toEqual(made);
    // Pinned: on another machine, Node or library the bytes are the same, or everything published would get another sha256.
    expect(shards[0]!.sha256).toBe('593fdc5caff53909995c73903ae609b66061f4f78826f2811ab7284e3294325f');
  });

  it('are cut by bytes, and read back in order into one file', async () => {
    const { made, paths, expected } = await shardsOf(QA, 20_000);
    const { shards } = published(made);
    expect(shards.length).toBeGreaterThan(3);
    expect(shards.map(({ path }) => path)).toEqual(
      shards.map((_, i) => `data/train-0000${i}-of-0000${shards.length}.parquet`),
    );
    expect(shards.reduce((sum, { rows }) => sum + rows, 0)).toBe(QA.length);
    const to = join(dir, 'back.jsonl');
    expect(await readShards(paths, { maxTextBytes: expected.bytes, to })).toEqual(expected);
    expect((await readFile(to)).equals(Buffer.from(toJsonLines(QA)))).toBe(true);
    await expect(readShards(paths, { maxTextBytes: expected.bytes - 1 })).rejects.toMatchObject({
      name: 'BadInputError',
      code: 'DATASET_TOO_LARGE',
    });
    // Another order is another split.
    expect((await readShards(paths.toReversed(), { maxTextBytes: expected.bytes })).sha256).not.toBe(expected.sha256);
  });

  it('of many columns are cut before their footer gets long', async () => {
    // 600 columns: three row groups of 512 KiB a shard.
    const names = Array.from({ length: 600 }, (_, i) => `column ${i}`);
    const rows = Array.from({ length: 120 }, (_, i) =>
      Object.fromEntries(names.map((name) => [name, `${name} of row ${i}`])),
    );
    const { made, paths, expected } = await shardsOf(rows);
    const { shards } = published(made);
    expect(expected.bytes / (3 * 512 * 1024)).toBeGreaterThan(1);
    expect(shards.length).toBe(Math.ceil(expected.bytes / (3 * 512 * 1024)));
    expect(await readShards(paths, { maxTextBytes: expected.bytes })).toEqual(expected);
  });

  it('hold chats, numbers, flags and lists, nulls and empty ones among them', async () => {
    const rows = [
      {
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: null },
        ],
        n: 1,
        x: 0.5,
        ok: true,
        tags: [],
      },
      { messages: [], n: null, x: 3, ok: null, tags: ['a', null, ''] },
      { messages: null, n: -5, x: 1e300, ok: false, tags: null },
      { messages: [{ role: 'user', content: '' }], n: 2 ** 53 - 1, x: null, ok: true, tags: ['b'] },
    ];
    const { made, paths, expected } = await shardsOf(rows);
    expect(published(made).features).toEqual([
      {
        name: 'messages',
        list: [
          { name: 'content', dtype: 'string' },
          { name: 'role', dtype: 'string' },
        ],
      },
      { name: 'n', dtype: 'int64' },
      { name: 'ok', dtype: 'bool' },
      { name: 'tags', list: 'string' },
      { name: 'x', dtype: 'float64' },
    ]);
    expect(await readShards(paths, { maxTextBytes: expected.bytes })).toEqual(expected);
  });

  it('are refused, with the column, where no table gives the same rows back', async () => {
    const cases: [Row[], RegExp][] = [
      [[{ a: 'x' }, { a: 1 }], /^a holds both string and int64/],
      [[{ a: { b: 1 } }, { a: { c: 1 } }], /^a holds objects with different members/],
      [[{ a: [{ b: 1 }, { b: 1, c: 2 }] }], /^a holds objects with different members/],
      [[{ a: {} }], /without members/],
      [[{ a: '\ud800' }], /not valid Unicode/],
      [[Object.fromEntries([['__proto__', 'x']])], /called "__proto__"/],
      [[{ '': 'x' }], /called ""/],
      [[{ a: [[[[[[[[[[1]]]]]]]]]] }], /nests/],
    ];
    for (const [rows, reason] of cases) expect(refusal((await shardsOf(rows)).made)).toMatch(reason);
  });

  it('are never published with other rows than the file has', async () => {
    await shardsOf(QA);
    await expect(
      writeShards({ rowsFile: join(dir, 'rows.jsonl'), sha256: 'a'.repeat(64), folder: join(dir, 'out') }),
    ).rejects.toMatchObject({ code: 'DATASET_CHANGED' });
  });

  it('either give the rows back or are refused, whatever the rows are', async () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constantFrom('__proto__', 'a.b', '\0'));
    const scalar = fc.oneof(text, fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean());
    const cell = fc.oneof(
      fc.constant(null),
      scalar,
      fc.array(fc.option(text), { maxLength: 3 }),
      fc.array(fc.record({ role: text, content: fc.option(text) }), { maxLength: 3 }),
      fc.record({ deep: fc.option(fc.record({ er: fc.option(fc.integer()) })) }),
    );
    let tables = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'b.c', 'ü', 'list', 'element'), { minLength: 1, maxLength: 2 }),
        fc.array(cell, { minLength: 1, maxLength: 4 }),
        async (columns, values) => {
          const rows = values.map((value) => Object.fromEntries(columns.map((name) => [name, value])));
          const { made, paths, expected } = await shardsOf(rows);
          if ('notTabular' in made) return;
          tables += 1;
          expect(await readShards(paths, { maxTextBytes: expected.bytes })).toEqual(expected);
        },
      ),
      { numRuns: 100, seed: 5 },
    );
    expect(tables).toBeGreaterThan(25);
  });
});
