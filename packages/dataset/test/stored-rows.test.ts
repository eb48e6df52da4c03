import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  openRowFile,
  type ReadProgress,
  type Row,
  RowSelection,
  readDataset,
  rowsDigest,
  storeDataset,
  toJsonLines,
  writeRows,
} from '../src/index.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stored-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function jsonl(name: string, rows: readonly Row[]) {
  const path = join(dir, name);
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return { path, format: 'json' as const };
}
const ROWS: Row[] = Array.from({ length: 5_000 }, (_, i) => ({ z: 'ä€😀'.repeat(i % 60), a: i, n: { y: [i, null] } }));

describe('storeDataset', () => {
  it('gives the rows, columns, digest and bytes that reading into memory gives', async () => {
    const file = await jsonl('whole.jsonl', ROWS);
    const read = await readDataset(file);
    const to = join(dir, 'whole.rows');
    const { rows, columns, digest } = await storeDataset([file], to);
    expect({ columns, digest }).toEqual({ columns: read.columns, digest: read.digest });
    expect([...rows]).toEqual(read.rows);
    expect(Buffer.compare(await readFile(to), toJsonLines(read.rows))).toBe(0);
    // Nobody else on the machine may see what may be test rows.
    expect((await stat(to)).mode & 0o777).toBe(0o600);
    rows.close();
  });

  it('gives every row every column when the last row brings another one', async () => {
    const file = await jsonl('ragged.jsonl', [...ROWS, { late: 1 }]);
    const read = await readDataset(file);
    const { rows, columns, digest } = await storeDataset([file], join(dir, 'ragged.rows'));
    expect({ columns, digest }).toEqual({ columns: read.columns, digest: read.digest });
    expect(rows.at(0)).toEqual({ z: '', a: 0, n: { y: [0, null] }, late: null });
    expect(rows.at(5_001)).toBeUndefined();
    rows.close();
  });

  it('says how far it is, in bytes of the file on disk', async () => {
    const file = await jsonl('progress.jsonl', Array(8).fill(ROWS).flat());
    const seen: ReadProgress[] = [];
    const { rows } = await storeDataset([file], join(dir, 'progress.rows'), { onProgress: (at) => seen.push(at) });
    rows.close();
    const { size } = await stat(file.path);
    expect(seen.at(-1)).toEqual({ rows: 40_000, bytes: size, totalBytes: size });
    expect(seen.map(({ bytes }) => bytes)).toEqual(seen.map(({ bytes }) => bytes).sort((a, b) => a - b));
  });

  it('leaves nothing behind when the rows are refused or the work is stopped', async () => {
    const bad = join(dir, 'bad.jsonl');
    await writeFile(bad, `${'{"a":1}\n'.repeat(20_000)}{"a":`);
    const before = await readdir(dir);
    await expect(storeDataset([{ path: bad, format: 'json' }], join(dir, 'bad.rows'))).rejects.toMatchObject({
      code: 'DATASET_UNPARSABLE',
      details: { line: 20_001 },
    });
    const options = { signal: AbortSignal.timeout(5) };
    const many = await jsonl('many.jsonl', Array(20).fill(ROWS).flat());
    await expect(storeDataset([many], join(dir, 'many.rows'), options)).rejects.toThrow();
    expect(await readdir(dir)).toEqual([...before, 'many.jsonl'].sort());
  });

  it('bounds the lines that it writes', async () => {
    const path = join(dir, 'long-names.csv');
    await writeFile(path, `${'n'.repeat(1_000)},b\n${'x,y\n'.repeat(1_000)}`);
    const limits = { maxBytes: 100_000 };
    await expect(storeDataset([{ path, format: 'csv' }], join(dir, 'l.rows'), { limits })).rejects.toMatchObject({
      code: 'DATASET_TOO_LARGE',
      message: expect.stringMatching(/200000 bytes as JSON lines/),
    });
  });
});

describe('rows in a file', () => {
  it('are found again without parsing, in any order', async () => {
    const path = join(dir, 'again.rows');
    (await writeRows(path, ROWS)).close();
    const rows = await openRowFile(path);
    expect(rows.length).toBe(5_000);
    expect(rows.digest).toBe(rowsDigest(ROWS));
    for (const index of [4_999, 0, 2_500, 2_499, 4_998]) expect(rows.at(index)).toEqual(ROWS[index]);
    rows.close();
    expect(() => rows.at(1)).toThrow(/closed/);
  });

  it.skipIf(process.platform !== 'linux')(
    'cost little more than their own bytes where they are asked for out of order',
    async () => {
      const path = join(dir, 'jumps.rows');
      (await writeRows(path, ROWS)).close();
      const rows = await openRowFile(path);
      const readSoFar = async () => Number(/rchar: (\d+)/.exec(await readFile('/proc/self/io', 'utf8'))![1]);
      const before = await readSoFar();
      for (let i = 0; i < 2_000; i++) rows.at((i * 2_503) % ROWS.length);
      // A block of 256 KiB for each of them would be 500 MiB.
      expect((await readSoFar()) - before).toBeLessThan(32 * 2 ** 20);
      rows.close();
    },
  );

  it('may be longer than a block', async () => {
    const long = [{ a: 'x'.repeat(700_000) }, { a: 'y' }, { a: 'z'.repeat(300_000) }];
    const rows = await writeRows(join(dir, 'long.rows'), long);
    expect([...rows]).toEqual(long);
    expect(rows.at(1)).toEqual(long[1]);
    rows.close();
  });

  it('can be selected and written, with the bytes that an array has', async () => {
    const rows = await writeRows(join(dir, 'all.rows'), ROWS);
    const some = [3, 4, 4_000, 7];
    const selected = await writeRows(join(dir, 'some.rows'), new RowSelection(rows, some));
    expect(selected.digest).toBe(rowsDigest(some.map((index) => ROWS[index]!)));
    expect([...new RowSelection(ROWS, some)]).toEqual([...selected]);
    rows.close();
    selected.close();
  });

  it('refuses a file that ends in a line', async () => {
    const path = join(dir, 'cut.rows');
    await writeFile(path, '{"a":1}\n{"a":');
    await expect(openRowFile(path)).rejects.toMatchObject({ code: 'DATASET_NOT_READABLE' });
    await expect(openRowFile(join(dir, 'absent.rows'))).rejects.toMatchObject({ code: 'DATASET_NOT_READABLE' });
  });
});
