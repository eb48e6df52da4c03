import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDataset } from '../src/index.ts';
import { type ParquetClaims, parquetFile, plainText, thrift } from './parquet-bytes.ts';
import { zstdRle } from './zstd-bytes.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lies-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function read(content: Uint8Array, limits = {}) {
  const path = join(dir, 'a.parquet');
  await writeFile(path, content);
  return (await readDataset({ path, format: 'parquet' }, { limits })).rows;
}
/** Well under what allocating any of the lies would take. */
const ROOM_BYTES = 160 * 1024 ** 2;
async function refused(content: Uint8Array, message: RegExp, code = 'DATASET_UNPARSABLE') {
  const before = process.memoryUsage();
  const start = performance.now();
  const matching = { name: 'BadInputError', code, message: expect.stringMatching(message) };
  await expect(read(content)).rejects.toEqual(expect.objectContaining(matching));
  const after = process.memoryUsage();
  expect(after.heapTotal + after.external - before.heapTotal - before.external).toBeLessThan(ROOM_BYTES);
  expect(performance.now() - start).toBeLessThan(10_000);
}

/** A run of `count` times 0: its header, and one byte of value. */
const run = (count: number) => {
  const bytes: number[] = [];
  for (let left = count * 2; ; left = Math.floor(left / 128)) {
    bytes.push((left % 128) | (left >= 128 ? 0x80 : 0));
    if (left < 128) break;
  }
  return Buffer.from([...bytes, 0]);
};
const lengthOf = (bytes: Uint8Array) => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return length;
};
const dictionary = { values: 2, body: plainText('yes', 'no') };

describe('a parquet file', () => {
  it('is read as it was made by hand here', async () => {
    expect(await read(parquetFile())).toEqual([{ a: 'hello' }]);
    expect(await read(parquetFile({ dictionary, encoding: 8, rows: 3, body: Buffer.from([1, 6, 1]) }))).toEqual([
      { a: 'no' },
      { a: 'no' },
      { a: 'no' },
    ]);
    expect(await read(parquetFile({ name: '../constructor' }))).toEqual([{ '../constructor': 'hello' }]);
  });

  const lies: [string, ParquetClaims, RegExp, string?][] = [
    [
      'names more rows than its groups',
      { rows: 5, groupRows: 1, pageValues: 1 },
      /names 5 rows, its row groups have 1/,
    ],
    ['has more rows than it may', { rows: 2 ** 40 }, /more than 5000000 rows/, 'DATASET_TOO_LARGE'],
    ['has fewer than no rows', { rows: -1 }, /fewer than no rows/],
    ['ends before its last row', { rows: 3, pageValues: 1 }, /column "a" ends before row 2 of 3/],
    ['goes on behind its last row', { rows: 1, pageValues: 2, body: plainText('x', 'y') }, /more rows than its group/],
    ['has a page of a billion values', { pageValues: 2 ** 30 }, /page of 1073741824 values/],
    ['has a page of fewer than no values', { pageValues: -5 }, /page of -5 values/],
    ['has a page of 2 GiB', { pageBytes: 2 ** 31 - 1 }, /page of 2147483647 bytes/],
    ['has a page longer than itself', { packedBytes: 2 ** 20, pageBytes: 2 ** 20 }, /beyond its column/],
    ['has a page packed to more than it was', { packedBytes: 60_000, pageBytes: 9 }, /page of 9 bytes in 60000/],
    ['has a page of fewer than no bytes', { packedBytes: -1, pageBytes: -1 }, /page of -1 bytes/],
    ['has a page of no type', { pageType: 9 }, /page/],
    ['has a column outside the file', { chunkOffset: 2 ** 40 }, /outside the file/],
    ['has a column before the file', { chunkOffset: -8 }, /outside the file/],
    ['has a column larger than the file', { chunkBytes: 2 ** 40 }, /outside the file/],
    ['says that it unpacks to a terabyte', { unpackedBytes: 2 ** 40 }, /bytes unpacked/, 'DATASET_TOO_LARGE'],
    ['has a value longer than its page', { body: Buffer.from([0xff, 0xff, 0xff, 0x7f, 1]) }, /row 1 or after it/],
    ['is packed by an unknown codec', { codec: 3 }, /LZO, which is not read/],
    ['has an encoding that is none', { encoding: 77 }, /row 1 or after it/],
    ['refers to a dictionary that is not there', { encoding: 8, body: Buffer.from([1, 2, 1]) }, /not there/],
    [
      'has a dictionary of a billion',
      { dictionary: { ...dictionary, values: 2 ** 30 }, encoding: 8 },
      /1073741824 values/,
    ],
    ['refers beyond its dictionary', { dictionary, encoding: 8, body: Buffer.from([8, 2, 200]) }, /out of its range/],
    [
      'refers beyond its dictionary in packed bits',
      { dictionary, encoding: 8, rows: 8, body: Buffer.from([2, 3, 0xff, 0xff]) },
      /out of its range/,
    ],
    [
      'repeats an index a billion times',
      { dictionary, encoding: 8, body: Buffer.concat([Buffer.from([1]), run(2 ** 27)]) },
      /more numbers/,
    ],
    [
      'repeats a level a billion times',
      { optional: true, body: Buffer.concat([lengthOf(run(2 ** 27)), run(2 ** 27)]) },
      /more numbers than its page/,
    ],
    [
      'has levels longer than its page',
      { optional: true, body: Buffer.from([0xff, 0xff, 0xff, 0x7f]) },
      /longer than their page/,
    ],
    ['has a name that JavaScript sees through', { name: '__proto__' }, /"__proto__": rename/],
    ['is cut in its footer', { footerBytes: 10_000 }, /footer has 10000 bytes/],
    ['has a footer of a gigabyte', { footerBytes: 2 ** 30 }, /footer of more than/, 'DATASET_TOO_LARGE'],
    [
      'has snappy data that would be a gigabyte',
      { codec: 1, body: Buffer.from([0x80, 0x80, 0x80, 0x80, 4, 0, 0]) },
      /unpacks to 1073741824/,
    ],
    [
      'has gzip data of more than it says',
      { codec: 2, pageBytes: 100, body: gzipSync(Buffer.alloc(2 ** 24)).subarray(0, 100) },
      /column "a"/,
    ],
    [
      'has zstd data of more than it says',
      { codec: 6, pageBytes: 200, body: zstdRle('x', 2 ** 22) },
      /more than its header/,
    ],
    ['has other data than its codec', { codec: 6, pageBytes: 9 }, /does not begin/],
    [
      'has text that is not UTF-8',
      { body: Buffer.concat([Buffer.from([2, 0, 0, 0]), Buffer.from([0xc3, 0x28])]) },
      /row 1 .*utf-8/,
    ],
  ];
  it.each(lies)('is refused where it %s', async (_, claims, message, code) => {
    await refused(parquetFile(claims), message, code);
  });

  it('is refused where prefixes repeat a value into a terabyte', async () => {
    // DELTA_BYTE_ARRAY: 128 values a block, 1 miniblock; each has all of the one before, doubled lengths need no bytes.
    const lengths = (first: number, delta: number) => {
      const number = (value: number) => thrift({ i32: value });
      const plain = (value: number) => run(value / 2).subarray(0, -1);
      return Buffer.concat([
        plain(128),
        plain(4),
        plain(4_000_000),
        number(first),
        ...Array(31_250).fill(Buffer.concat([number(delta), Buffer.alloc(4)])),
      ]);
    };
    const body = Buffer.concat([lengths(0, 1), lengths(1, 0), Buffer.alloc(64, 0x78)]);
    await refused(parquetFile({ rows: 4_000_000, encoding: 7, body }), /page of more than|begins with more/);
  });

  it('is refused where its footer is a heap of empty structs, or nests without end', async () => {
    const heap = Buffer.concat([
      Buffer.from([0x09, 4, 0xfc, 0xff, 0xff, 0xff, 0x03]),
      Buffer.alloc(4_000_000),
      Buffer.from([0]),
    ]);
    await refused(parquetFile({ footer: heap }), /more than 2000000 values/);
    await refused(parquetFile({ footer: Buffer.alloc(100_000, 0x1c) }), /nests more than 16 deep/);
    await refused(parquetFile({ footer: Buffer.from([0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]) }), /values|early/);
  });

  it('is refused where its columns nest without end, or a field has more fields than there are', async () => {
    const root = (children: number, more: number) => {
      const element = (name: string, count: number) => ({ struct: { 4: { text: name }, 5: { i32: count } } });
      const schema = [element('schema', children), ...Array.from({ length: more }, () => element('x', 1))];
      return thrift({ struct: { 1: { i32: 1 }, 2: { list: schema }, 3: { i64: 1 }, 4: { list: [] } } });
    };
    await refused(parquetFile({ footer: root(1, 10_000) }), /nest more than 64 deep/);
    await refused(parquetFile({ footer: root(2 ** 30, 2) }), /field of 1073741824 fields/);
    await refused(parquetFile({ footer: root(2, 1) }), /schema ends early/);
    await refused(parquetFile({ footer: root(1, 30_000) }), /30001 columns/, 'DATASET_TOO_LARGE');
  });

  it('is refused where a short dictionary stands for more text than is taken', async () => {
    const long = { values: 1, body: plainText('x'.repeat(1_000_000)) };
    const body = Buffer.concat([Buffer.from([1]), run(1_000)]);
    const file = parquetFile({ dictionary: long, encoding: 8, rows: 1_000, body });
    await expect(read(file, { maxBytes: 20_000_000 })).rejects.toMatchObject({
      code: 'DATASET_TOO_LARGE',
      message: expect.stringMatching(/20000000 bytes unpacked/),
    });
  });
});
