import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDataset, readDatasetFiles, rowsDigest } from '../src/index.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dataset-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function file(name: string, content: string | Uint8Array): Promise<{ path: string; format: 'csv' | 'json' }> {
  const path = join(dir, name);
  await writeFile(path, content);
  return { path, format: /\.[ct]sv/.test(name) ? 'csv' : 'json' };
}
const read = async (name: string, content: string | Uint8Array, limits = {}) =>
  readDataset(await file(name, content), { limits });
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: 'BadInputError', code, message: expect.stringMatching(message) });

describe('csv', () => {
  it('reads BOM, CRLF, quotes, quoted line ends and empty cells', async () => {
    const { rows, columns } = await read('a.csv', '\uFEFFa,b\r\n"x, ""y""",1\r\n"two\nlines",\r\n\r\n');
    expect(columns).toEqual(['a', 'b']);
    expect(rows).toEqual([
      { a: 'x, "y"', b: '1' },
      { a: 'two\nlines', b: '' },
    ]);
  });

  it('reads tabs for .tsv and unpacks .gz', async () => {
    expect((await read('a.tsv', 'a\tb\n1\t2,3\n')).rows).toEqual([{ a: '1', b: '2,3' }]);
    expect((await read('a.csv.gz', gzipSync('a\nä\n'))).rows).toEqual([{ a: 'ä' }]);
  });

  it('keeps characters whole across chunks', async () => {
    const text = 'ä€😀'.repeat(20_000);
    expect((await read('wide.csv', `a,b\nx,${text}\n`)).rows).toEqual([{ a: 'x', b: text }]);
  });

  it('names the line of an unequal record', async () => {
    await expect(read('b.csv', 'a,b\n1,2\n"x\ny",2\n1\n')).rejects.toEqual(
      refusal('DATASET_UNPARSABLE', /^b\.csv, line 5: the record has 1 cells, the first line names 2 columns$/),
    );
    await expect(read('b.csv', 'a,b\n1,2,3\n')).rejects.toEqual(refusal('DATASET_UNPARSABLE', /line 2/));
  });

  it('refuses an open quote, columns twice or without a name, other encodings, NUL', async () => {
    await expect(read('c.csv', 'a,b\n"1,2\n')).rejects.toEqual(refusal('DATASET_UNPARSABLE', /quote is not closed/));
    await expect(read('c.csv', 'a,a\n1,2\n')).rejects.toEqual(refusal('DATASET_DUPLICATE_COLUMN', /"a"/));
    await expect(read('c.csv', 'a,\n1,2\n')).rejects.toEqual(refusal('DATASET_UNPARSABLE', /no name/));
    await expect(read('c.csv', '__proto__,b\n1,2\n')).rejects.toEqual(refusal('DATASET_UNPARSABLE', /rename/));
    await expect(read('c.csv', Buffer.from('a\n1\n\xe4\n', 'latin1'))).rejects.toEqual(
      refusal('DATASET_UNPARSABLE', /not UTF-8/),
    );
    await expect(read('c.csv', 'a\n1\0\n')).rejects.toEqual(refusal('DATASET_UNPARSABLE', /NUL/));
  });

  it('refuses a file with no rows', async () => {
    await expect(read('d.csv', '')).rejects.toEqual(refusal('DATASET_EMPTY', /d\.csv has no rows/));
    await expect(read('d.csv', 'a,b\n')).rejects.toEqual(refusal('DATASET_EMPTY', /no rows/));
  });

  it('bounds rows, record and file size', async () => {
    const many = `a\n${'x\n'.repeat(100)}`;
    await expect(read('e.csv', many, { maxRows: 99 })).rejects.toEqual(refusal('DATASET_TOO_LARGE', /99 rows/));
    await expect(read('e.csv', many, { maxBytes: 100 })).rejects.toEqual(refusal('DATASET_TOO_LARGE', /100 bytes/));
    await expect(read('e.csv', `a\n"${'x'.repeat(500)}`, { maxRowBytes: 100 })).rejects.toEqual(
      refusal('DATASET_TOO_LARGE', /a row of more than 100 bytes/),
    );
    expect((await read('e.csv', many, { maxRows: 100 })).rows).toHaveLength(100);
  });
});

describe('json', () => {
  const two = [
    { a: 1, b: { c: [true, null] } },
    { a: 'x\n"}]', b: 'ä' },
  ];

  it.each([
    ['array', JSON.stringify(two)],
    ['pretty array', `\uFEFF\n ${JSON.stringify(two, null, 2)}\n`],
    ['lines', two.map((row) => JSON.stringify(row)).join('\n')],
    ['lines with CRLF, blank lines and BOM', `\uFEFF${two.map((row) => JSON.stringify(row)).join('\r\n\r\n')}\r\n`],
  ])('reads %s', async (_, text) => {
    const { rows, columns, digest } = await read('a.json', text);
    expect(rows).toEqual(two);
    expect(columns).toEqual(['a', 'b']);
    expect(digest).toBe(rowsDigest(two));
  });

  it.each(['lines', 'array'])('cuts %s right wherever a chunk ends', async (shape) => {
    const rows = Array.from({ length: 400 }, (_, i) => ({ i, text: `"\\{[${'€'.repeat(i)}` }));
    const text = shape === 'array' ? JSON.stringify(rows) : rows.map((row) => JSON.stringify(row)).join('\n');
    expect(Buffer.byteLength(text)).toBeGreaterThan(200_000);
    expect((await read('long.json', text)).rows).toEqual(rows);
  });

  it('gives every row every column, as load_dataset does', async () => {
    const { rows, columns } = await read('b.jsonl', '{"a":1}\n{"b":2,"a":null}\n{}\n');
    expect(columns).toEqual(['a', 'b']);
    expect(rows).toEqual([
      { a: 1, b: null },
      { a: null, b: 2 },
      { a: null, b: null },
    ]);
  });

  it('keeps a column named __proto__ a column', async () => {
    const { rows } = await read('p.jsonl', '{"__proto__":{"x":1},"a":1}\n{"a":2}\n');
    expect(Object.keys(rows[0]!)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf(rows[0])).toBe(Object.prototype);
    expect(Object.hasOwn(rows[1]!, '__proto__')).toBe(true);
  });

  it.each([
    ['broken line', '{"a":1}\n{"a":\n', 'line 2: not valid JSON'],
    ['a bare value', '{"a":1}\n5\n', 'line 2: a row must be a JSON object'],
    ['an array in lines', '{"a":1}\n[1]\n', 'line 2: a row must be'],
    ['one spread out object', '{\n"a": 1\n}\n', 'line 1: .*write each row as one line'],
    ['raw NUL', '{"a":"\0"}\n', 'line 1: has a NUL byte'],
    ['too large a number', '{"a":1e999}\n', 'line 1: a number is too large'],
    ['deep nesting', `{"a":${'['.repeat(100)}${']'.repeat(100)}}`, 'line 1: nested more than 64 deep'],
    ['text', 'hello', 'line 1: not valid JSON'],
    ['array of numbers', '[\n{"a":1},\n2]', 'line 3: expected an object'],
    ['missing comma', '[{"a":1}\n{"a":1}]', 'line 2: expected ","'],
    ['trailing comma', '[{"a":1},\n]', 'line 2: expected an object'],
    ['broken row in array', '[{"a":1},\n{"a":}]', 'line 2: not valid JSON'],
    ['array not closed', '[{"a":1}\n', 'line 2: the file ends before'],
    ['row not closed', '[{"a":1},\n{"a":[1}\n\n', 'line 2: the file ends inside this row'],
    ['text behind the array', '[{"a":1}]\nx', 'line 2: there is text after'],
  ])('refuses %s with its line', async (_, text, message) => {
    await expect(read('c.json', text)).rejects.toEqual(
      refusal('DATASET_UNPARSABLE', new RegExp(`^c\\.json, ${message}`)),
    );
  });

  it('refuses bytes that are not UTF-8', async () => {
    await expect(read('d.jsonl', Buffer.from('{"a":1}\n{"a":"\xe4"}\n', 'latin1'))).rejects.toEqual(
      refusal('DATASET_UNPARSABLE', /line 2: is not UTF-8/),
    );
  });

  it.each(['', '\n \n', '[]', '[ ]\n'])('refuses %j as empty', async (text) => {
    await expect(read('e.json', text)).rejects.toEqual(refusal('DATASET_EMPTY', /e\.json has no rows/));
  });

  it('bounds rows, row size, columns and cells that sparse rows would add', async () => {
    const lines = Array.from({ length: 200 }, (_, i) => JSON.stringify({ [`c${i}`]: 1 })).join('\n');
    await expect(read('f.jsonl', lines, { maxRows: 100 })).rejects.toEqual(refusal('DATASET_TOO_LARGE', /100 rows/));
    await expect(read('f.jsonl', lines, { maxColumns: 50 })).rejects.toEqual(
      refusal('DATASET_TOO_LARGE', /50 columns/),
    );
    await expect(read('f.jsonl', lines, { maxBytes: 50_000 })).rejects.toEqual(refusal('DATASET_TOO_LARGE', /empty/));
    const values = JSON.stringify({ a: '\\"', b: Array.from({ length: 40_000 }, (_, i) => i) });
    await expect(read('h.jsonl', values)).rejects.toEqual(refusal('DATASET_TOO_LARGE', /10000 values at line 1/));
    const commas = JSON.stringify({ a: '",\\'.repeat(40_000) });
    expect((await read('i.jsonl', commas)).rows).toHaveLength(1);
    const wide = JSON.stringify([{ a: 1 }, { a: 'x'.repeat(200) }]);
    await expect(read('g.json', wide, { maxRowBytes: 100 })).rejects.toEqual(refusal('DATASET_TOO_LARGE', /line 1/));
  });
});

it('says that a file is missing or is a folder', async () => {
  const path = join(dir, 'absent.csv');
  await expect(readDataset({ path, format: 'csv' })).rejects.toEqual(refusal('DATASET_NOT_FOUND', /absent\.csv/));
  await expect(readDataset({ path: dir, format: 'json' })).rejects.toEqual(refusal('DATASET_NOT_FOUND', /not a file/));
});

it('refuses broken gzip', async () => {
  const cut = gzipSync('{"a":1}\n'.repeat(10_000)).subarray(0, 60);
  await expect(read('y.jsonl.gz', cut)).rejects.toEqual(refusal('DATASET_UNPARSABLE', /gzip/));
});

it('reads several files as one dataset', async () => {
  const files = [await file('m1.jsonl', '{"a":1}\n'), await file('m2.csv', 'a,b\n2,3\n')];
  expect((await readDatasetFiles(files)).rows).toEqual([
    { a: 1, b: null },
    { a: '2', b: '3' },
  ]);
});

it('stops on abort and lets the event loop turn', async () => {
  const big = await file(
    'big.jsonl',
    `${JSON.stringify({ instruction: 'i'.repeat(50), output: 'o'.repeat(50) })}\n`.repeat(100_000),
  );
  const stop = new AbortController();
  const aborted = readDataset(big, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error('enough')), 20);
  await expect(aborted).rejects.toThrow('enough');

  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const { rows } = await readDataset(big);
  clearInterval(timer);
  expect(rows).toHaveLength(100_000);
  // A reader that blocked would let the timer run a handful of times.
  expect(turns).toBeGreaterThan(10);
});
