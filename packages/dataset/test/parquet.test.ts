import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDataset } from '../src/index.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parquet-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const read = async (content: Uint8Array, limits = {}) => {
  const path = join(dir, 'a.parquet');
  await writeFile(path, content);
  return readDataset({ path, format: 'parquet' }, { limits });
};
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'BadInputError', code, message: expect.stringMatching(message) });
const textFile = (rows: number) =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'instruction', data: Array.from({ length: rows }, (_, i) => `What is ${i}?`), type: 'STRING' },
        { name: 'output', data: Array.from({ length: rows }, (_, i) => `ä${i}`), type: 'STRING' },
      ],
      rowGroupSize: 100,
    }),
  );

describe('parquet', () => {
  it('reads text rows of several row groups in order', async () => {
    const { rows, columns } = await read(textFile(250));
    expect(columns).toEqual(['instruction', 'output']);
    expect(rows).toEqual(Array.from({ length: 250 }, (_, i) => ({ instruction: `What is ${i}?`, output: `ä${i}` })));
  });

  it('gives values that JSON can hold', async () => {
    const file = parquetWriteBuffer({
      columnData: [
        { name: 'big', data: [1n, 2n ** 60n + 1n, null], type: 'INT64', nullable: true },
        { name: 'float', data: [0.5, Number.NaN, null], type: 'DOUBLE', nullable: true },
        { name: 'flag', data: [true, false, null], type: 'BOOLEAN', nullable: true },
        { name: 'json', data: [{ a: [1] }, { b: 'x' }, null], type: 'JSON', nullable: true },
        { name: 'when', data: [new Date(0), new Date(1000), null], type: 'TIMESTAMP', nullable: true },
      ],
    });
    const { rows } = await read(new Uint8Array(file));
    expect(rows).toEqual([
      { big: 1, float: 0.5, flag: true, json: { a: [1] }, when: '1970-01-01T00:00:00.000Z' },
      { big: '1152921504606846977', float: null, flag: false, json: { b: 'x' }, when: '1970-01-01T00:00:01.000Z' },
      { big: null, float: null, flag: null, json: null, when: null },
    ]);
  });

  it('bounds rows and bytes, also unpacked', async () => {
    const file = textFile(250);
    await expect(read(file, { maxRows: 249 })).rejects.toEqual(refusal('DATASET_TOO_LARGE', /249 rows/));
    await expect(read(file, { maxBytes: 500 })).rejects.toEqual(refusal('DATASET_TOO_LARGE', /500 bytes/));
    await expect(read(file, { maxRowBytes: 10 })).rejects.toEqual(refusal('DATASET_TOO_LARGE', /10 bytes, row 1/));
    const same = parquetWriteBuffer({ columnData: [{ name: 'a', data: ['x'.repeat(100_000)], type: 'STRING' }] });
    expect(same.byteLength).toBeLessThan(20_000);
    await expect(read(new Uint8Array(same), { maxBytes: 50_000 })).rejects.toEqual(
      refusal('DATASET_TOO_LARGE', /unpacked/),
    );
  });

  it('refuses what is not parquet, is broken, empty or binary', async () => {
    await expect(read(Buffer.from('hello, this is text'))).rejects.toEqual(refusal('DATASET_UNPARSABLE', /PAR1/));
    await expect(read(Buffer.from('x'))).rejects.toEqual(refusal('DATASET_UNPARSABLE', /too short/));
    await expect(read(Buffer.alloc(0))).rejects.toEqual(refusal('DATASET_EMPTY', /empty/));
    await expect(read(textFile(0))).rejects.toEqual(refusal('DATASET_EMPTY', /no rows/));
    const cut = textFile(250).slice(600);
    await expect(read(cut)).rejects.toEqual(refusal('DATASET_UNPARSABLE', /a\.parquet is not a readable/));
    const footer = Buffer.concat([Buffer.alloc(8), Buffer.from([0xff, 0xff, 0xff, 0x7f]), Buffer.from('PAR1')]);
    await expect(read(footer)).rejects.toEqual(refusal('DATASET_TOO_LARGE', /footer/));
    const bytes = parquetWriteBuffer({
      columnData: [{ name: 'a', data: [Uint8Array.of(0xff, 0xfe)], type: 'BYTE_ARRAY' }],
    });
    await expect(read(new Uint8Array(bytes))).rejects.toEqual(refusal('DATASET_UNPARSABLE', /readable parquet/));
  });
});
