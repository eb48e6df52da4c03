import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DataFormat, readDataset } from '../src/index.ts';
import { zstdFrame, zstdRle, zstdSkippable } from './zstd-bytes.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'packing-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const read = async (name: string, format: DataFormat, content: string | Uint8Array, limits = {}) => {
  const path = join(dir, name);
  await writeFile(path, content);
  return (await readDataset({ path, format }, { limits })).rows;
};
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'BadInputError', code, message: expect.stringMatching(message) });

const ROWS = [
  { a: 'ä', b: 'x' },
  { a: '1', b: 'y' },
];
const TEXTS: [string, DataFormat, string | Uint8Array][] = [
  ['csv', 'csv', 'a,b\nä,x\n1,y\n'],
  ['tsv', 'csv', 'a\tb\nä\tx\n1\ty\n'],
  ['json', 'json', JSON.stringify(ROWS)],
  ['jsonl', 'json', ROWS.map((row) => `${JSON.stringify(row)}\n`).join('')],
  [
    'parquet',
    'parquet',
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: 'a', data: ['ä', '1'], type: 'STRING' },
          { name: 'b', data: ['x', 'y'], type: 'STRING' },
        ],
      }),
    ),
  ],
];

describe.each(TEXTS)('%s', (name, format, content) => {
  it.each([
    ['plain', content],
    ['gzip', gzipSync(content)],
    ['zstd', zstdFrame(content)],
  ])('reads it %s, whatever the file is called', async (packing, bytes) => {
    // Only tabs have to be known from the name.
    const odd = name === 'tsv' ? `${packing}.tsv.bin` : `${name}-${packing}.bin`;
    expect(await read(odd, format, bytes)).toEqual(ROWS);
  });
});

it('knows a parquet file by its first bytes', async () => {
  expect(await read('rows.json', 'json', TEXTS[4]![2])).toEqual(ROWS);
});

/** `printf '{"a":"tuning tuning tuning tuning"}\n%.0s' 1 2 3 4 5 6 7 8 | zstd -19 --check | base64 -w0`, zstd 1.5.4. */
const REAL_ZSTD = 'KLUv/QRo1QAAgHsiYSI6InR1bmluZyAifQoCAPmjqEF0+QLESJxS';

describe('zstd', () => {
  it('reads what zstd wrote', async () => {
    const rows = await read('real.jsonl.zst', 'json', Buffer.from(REAL_ZSTD, 'base64'));
    expect(rows).toEqual(Array.from({ length: 8 }, () => ({ a: 'tuning tuning tuning tuning' })));
  });

  it('reads many frames, skippable and empty ones among them, wherever they end', async () => {
    const rows = Array.from({ length: 400 }, (_, i) => ({ i, text: 'x'.repeat(i % 97) }));
    const parts = rows.flatMap((row) => [zstdFrame(`${JSON.stringify(row)}\n`), zstdSkippable(7), zstdFrame('')]);
    expect(await read('frames.zst', 'json', Buffer.concat([zstdSkippable(40_000), ...parts]))).toEqual(rows);
  });

  it('unpacks repeated bytes up to the limit, and not beyond', async () => {
    const bomb = Buffer.concat([zstdFrame('{"a":"'), zstdRle('x', 3 * 2 ** 20), zstdFrame('"}\n')]);
    expect(bomb.length).toBeLessThan(1_000);
    expect((await read('rle.zst', 'json', bomb))[0]).toEqual({ a: 'x'.repeat(3 * 2 ** 20) });
    await expect(read('bomb.zst', 'json', zstdRle(' ', 2 ** 30), { maxBytes: 2 ** 20 })).rejects.toEqual(
      refusal('DATASET_TOO_LARGE', /1048576 bytes/),
    );
  });

  it('refuses a large window before it makes room for it', async () => {
    // Frame header without content size; exponent 17: a window of 128 MiB, as of `zstd --ultra -22`.
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3]);
    await expect(read('wide.zst', 'json', header)).rejects.toEqual(
      refusal('DATASET_UNPARSABLE', /window is 128 MiB.*level 19/),
    );
  });

  it('refuses blocks of nothing under a large window, which would be copied for hours', async () => {
    const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3]);
    const empty = Buffer.alloc(3 * 200_000);
    await expect(read('slow.zst', 'json', Buffer.concat([header, empty]))).rejects.toEqual(
      refusal('DATASET_UNPARSABLE', /too many small blocks/),
    );
  }, 20_000);

  it.each([
    ['cut in a block', zstdFrame('{"a":1}\n').subarray(0, -3), /ends early/],
    ['cut in a header', zstdFrame('{"a":1}\n').subarray(0, 5), /ends early/],
    ['with other bytes behind it', Buffer.concat([zstdFrame('{"a":1}\n'), Buffer.from('hello')]), /does not begin/],
    ['with a block of no type', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 0x0f, 0, 0, 0]), /no known type/],
    ['with a dictionary', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x21, 9, 1, 0, 0, 0]), /dictionary/],
  ])('refuses a frame %s', async (_, bytes, message) => {
    await expect(read('bad.zst', 'json', bytes)).rejects.toEqual(refusal('DATASET_UNPARSABLE', message));
  });
});

describe('gzip', () => {
  it('reads many members', async () => {
    const rows = Array.from({ length: 500 }, (_, i) => ({ i }));
    const members = rows.map((row) => gzipSync(`${JSON.stringify(row)}\n`));
    expect(await read('members.gz', 'json', Buffer.concat(members))).toEqual(rows);
  });

  it('refuses other bytes behind the last member, and takes zeros for padding', async () => {
    const whole = gzipSync('{"a":1}\n');
    expect(await read('padded.gz', 'json', Buffer.concat([whole, Buffer.alloc(600)]))).toEqual([{ a: 1 }]);
    await expect(read('behind.gz', 'json', Buffer.concat([whole, Buffer.from('hello')]))).rejects.toEqual(
      refusal('DATASET_UNPARSABLE', /gzip/),
    );
  });
});

it.each([
  ['a zip archive', Buffer.from('PK\x03\x04hello'), /zip archive/],
  ['bzip2', Buffer.from('BZh91AY'), /bzip2/],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), /xz/],
  ['Arrow', Buffer.from('ARROW1\0\0'), /parquet/],
  ['UTF-16', Buffer.from('\uFEFF{"a":1}\n', 'utf16le'), /UTF-16/],
  ['UTF-16, high byte first', Buffer.from('\uFEFF{"a":1}\n', 'utf16le').swap16(), /UTF-16/],
])('says what %s is', async (_, bytes, message) => {
  await expect(read('odd.json', 'json', bytes)).rejects.toEqual(refusal('DATASET_FORMAT_UNSUPPORTED', message));
  await expect(read('odd.csv', 'csv', bytes)).rejects.toEqual(refusal('DATASET_FORMAT_UNSUPPORTED', message));
});
