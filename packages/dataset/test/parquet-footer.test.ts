import { parquetMetadata } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, it } from 'vitest';
import { parseFooter } from '../src/read/parquet/footer-parts.ts';
import { thrift } from './parquet-bytes.ts';

const MANY = 2_000_000;

function footerOf(rows: number, rowGroupSize: number, columns = 3): Buffer {
  const data = Array.from({ length: rows }, (_, i) => (i % 5 === 0 ? null : `text ${i}`));
  const columnData = Array.from({ length: columns }, (_, i) => ({
    name: `column ${i}`,
    data,
    type: 'STRING' as const,
  }));
  const file = Buffer.from(
    parquetWriteBuffer({ columnData, rowGroupSize, kvMetadata: [{ key: 'k', value: 'v'.repeat(500) }] }),
  );
  return file.subarray(file.length - 8 - file.readUInt32LE(file.length - 8), file.length - 8);
}

function whole(footer: Buffer) {
  const tail = Buffer.from('....PAR1');
  tail.writeUInt32LE(footer.length, 0);
  return parquetMetadata(Buffer.concat([footer, tail]), { geoparquet: false });
}

it.each([
  ['one row group', 10, 10, 3],
  ['fourteen row groups, the most in a short head of a list', 14, 1, 3],
  ['two hundred', 200, 1, 3],
  ['thousands', 6_000, 2, 3],
  ['many columns', 40, 20, 900],
])('a footer of %s is parsed in parts as in one go', async (_, rows, size, columns) => {
  const footer = footerOf(rows, size, columns);
  expect(await parseFooter(footer, MANY)).toEqual(whole(footer));
});

it('a footer of thousands of row groups lets the event loop turn', async () => {
  const footer = footerOf(6_000, 1);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await parseFooter(footer, MANY);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
});

it('a footer with two lists of row groups, or one of no structs, is refused', async () => {
  const list = { list: [] };
  const head = { 1: { i32: 1 }, 2: list, 3: { i64: 0 } };
  const twice = thrift({ struct: { ...head, 4: list } });
  const again = Buffer.concat([twice.subarray(0, -1), Buffer.from([0x09, 0x08, 0x0c, 0])]);
  await expect(parseFooter(again, MANY)).rejects.toThrow(/two lists/);
  const numbers = thrift({ struct: { ...head, 4: { list: [{ i32: 1 }] } } });
  await expect(parseFooter(numbers, MANY)).rejects.toThrow(/no structs/);
});
