import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DataFormat } from '../src/index.ts';
import { zstdFrame, zstdRle } from './zstd-bytes.ts';

const MIB = 2 ** 20;
/** So that a bomb need not be followed to the end of 2 GiB. */
const SMALL = { maxBytes: 32 * MIB };
/** Beyond what the process has without a file. */
const MAX_ADDED_MIB = 200;
/** On a machine that does other things as well. */
const MAX_SECONDS = 60;

interface Case {
  name: string;
  format: DataFormat;
  limits?: object;
  bytes: string | Uint8Array;
  code?: string;
  message?: RegExp;
  details?: object;
  rows?: number;
  columns?: string[];
}

const unparsable = (line: number, message = /./) => ({ code: 'DATASET_UNPARSABLE', details: { line }, message });
const tooLarge = (message: RegExp) => ({ code: 'DATASET_TOO_LARGE', message });
const zst = (...parts: (string | Buffer)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? zstdFrame(part) : part)));
const long = zstdRle('x', 200 * MIB);

const CASES: Case[] = [
  // Lines of 200 MB, each at a known place.
  {
    name: 'line.jsonl',
    format: 'json',
    bytes: zst('{"a":1}\n{"a":"', long, '"}\n'),
    ...tooLarge(/4194304 bytes at line 2/),
  },
  {
    name: 'row.json',
    format: 'json',
    bytes: zst('[{"a":1},\n{"a":"', long, '"}]'),
    ...tooLarge(/4194304 bytes at line 2/),
  },
  { name: 'cell.csv', format: 'csv', bytes: zst('a,b\n1,2\n"', long), ...tooLarge(/4194304 bytes at line 3/) },
  { name: 'header.csv', format: 'csv', bytes: long, ...tooLarge(/4194304 bytes at line 1/) },
  { name: 'plain.jsonl', format: 'json', bytes: `{"a":1}\n{"a":"${'x'.repeat(200e6)}"}\n`, ...tooLarge(/at line 2/) },
  { name: 'blank.jsonl', format: 'json', bytes: zst(zstdRle(' ', 200 * MIB), '{"a":1}\n'), rows: 1 },
  { name: 'feeds.jsonl', format: 'json', bytes: zst(zstdRle('\n', 20 * MIB), '{"a":'), ...unparsable(20 * MIB + 1) },
  { name: 'commas.csv', format: 'csv', bytes: zst('a,b\n', zstdRle(',', 200 * MIB)), ...tooLarge(/at line 2/) },
  {
    name: 'columns.csv',
    format: 'csv',
    bytes: `${Array.from({ length: 5000 }, (_, i) => `c${i}`)}\n`,
    ...tooLarge(/1000 columns/),
  },
  // Bombs.
  { name: 'bomb.jsonl.gz', format: 'json', bytes: gzipSync('{"a":"xxxxxxxx"}\n'.repeat(3e5)), rows: 3e5 },
  { name: 'bomb.gz', format: 'json', bytes: gzipSync(gzipSync(Buffer.alloc(64 * MIB))), code: 'DATASET_UNPARSABLE' },
  {
    name: 'bomb.zst',
    format: 'json',
    limits: SMALL,
    bytes: zst('{"a":1}\n', zstdRle('\n', 3000 * MIB)),
    ...tooLarge(/33554432 bytes/),
  },
  {
    name: 'bomb.parquet.zst',
    format: 'parquet',
    limits: SMALL,
    bytes: zst('PAR1', zstdRle('x', 3000 * MIB)),
    ...tooLarge(/33554432 bytes/),
  },
  {
    name: 'bomb.zip',
    format: 'csv',
    bytes: Buffer.from('PK\x03\x04'),
    code: 'DATASET_FORMAT_UNSUPPORTED',
    message: /zip/,
  },
  // Depth.
  {
    name: 'deep.jsonl',
    format: 'json',
    bytes: `{"a":1}\n{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}\n`,
    ...unparsable(2, /deep/),
  },
  { name: 'deep.json', format: 'json', bytes: `[{"a":1},\n{"a":${'{"a":'.repeat(5e5)}1`, ...unparsable(2) },
  {
    name: 'values.jsonl',
    format: 'json',
    bytes: `{"a":[${'1,'.repeat(1e6)}1]}\n`,
    ...tooLarge(/10000 values at line 1/),
  },
  // NULs and encodings.
  { name: 'nul.csv', format: 'csv', bytes: `a\n${'x\n'.repeat(20_000)}y\0\n`, ...unparsable(20_002, /NUL/) },
  { name: 'nul.tsv', format: 'csv', bytes: '\0\0\0\0', ...unparsable(1, /NUL/) },
  { name: 'nul.jsonl', format: 'json', bytes: '{"a":1}\n{"a":"\0"}\n', ...unparsable(2, /NUL/) },
  {
    name: 'utf16.csv',
    format: 'csv',
    bytes: Buffer.from('\uFEFFa,b\n1,2\n', 'utf16le'),
    code: 'DATASET_FORMAT_UNSUPPORTED',
    message: /UTF-16/,
  },
  { name: 'utf16.jsonl', format: 'json', bytes: Buffer.from('{"a":1}\n', 'utf16le'), ...unparsable(1, /NUL/) },
  {
    name: 'latin1.csv',
    format: 'csv',
    bytes: Buffer.concat([Buffer.from('a\nä\n'), Buffer.from('ä\n', 'latin1')]),
    ...unparsable(3, /UTF-8/),
  },
  {
    name: 'latin1.jsonl',
    format: 'json',
    bytes: Buffer.concat([Buffer.from('{"a":"ä"}\n'), Buffer.from('{"a":"ä"}\n', 'latin1')]),
    ...unparsable(2, /UTF-8/),
  },
  {
    name: 'far.csv',
    format: 'csv',
    bytes: Buffer.concat([
      Buffer.from(`a\n${'ä\n'.repeat(50_000)}`),
      Buffer.from('ä\n', 'latin1'),
      Buffer.from('ä\n'.repeat(50_000)),
    ]),
    ...unparsable(50_002, /UTF-8/),
  },
  {
    name: 'surrogate.csv',
    format: 'csv',
    bytes: Buffer.from([0x61, 0x0a, 0xed, 0xa0, 0x80, 0x0a]),
    ...unparsable(2, /UTF-8/),
  },
  {
    name: 'surrogate.jsonl',
    format: 'json',
    bytes: Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]),
    ...unparsable(1, /UTF-8/),
  },
  { name: 'escaped.jsonl', format: 'json', bytes: '{"a":"\\ud800"}\n', rows: 1 },
  {
    name: 'overlong.csv',
    format: 'csv',
    bytes: Buffer.from([0x61, 0x0a, 0xc0, 0xaf, 0x0a]),
    ...unparsable(2, /UTF-8/),
  },
  // Names.
  { name: 'proto.csv', format: 'csv', bytes: '__proto__,b\n1,2\n', ...unparsable(1, /rename/) },
  {
    name: 'proto.jsonl',
    format: 'json',
    bytes: '{"__proto__":{"polluted":1},"constructor":2}\n',
    rows: 1,
    columns: ['__proto__', 'constructor'],
  },
  {
    name: 'names.csv',
    format: 'csv',
    bytes: 'constructor,../x,toString\n1,2,3\n',
    rows: 1,
    columns: ['constructor', '../x', 'toString'],
  },
  { name: 'twice.csv', format: 'csv', bytes: 'a,b,a\n1,2,3\n', code: 'DATASET_DUPLICATE_COLUMN', message: /"a"/ },
  { name: 'uneven.csv', format: 'csv', bytes: `a,b\n${'1,2\n'.repeat(9)}1,2,3\n`, ...unparsable(11, /3 cells/) },
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hostile-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('hostile files end in one refusal with its place, soon and in little memory, in a process of their own', async () => {
  const files = CASES.map(({ name, format, limits }) => ({ path: join(folder, name), format, limits }));
  await Promise.all(CASES.map(({ bytes }, i) => writeFile(files[i]!.path, bytes)));
  const list = join(folder, 'files.json');
  await writeFile(list, JSON.stringify(files));
  const child = fileURLToPath(new URL('./hostile-child.js', import.meta.url));
  const run = spawnSync(process.execPath, [child, list, join(folder, 'rows')], { encoding: 'utf8', timeout: 100_000 });
  expect(run.stderr).toBe('');
  expect(run.status, run.stdout.slice(-2000)).toBe(0);
  const results = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(results).toHaveLength(CASES.length);
  for (const [i, { name, format: _, bytes: __, limits: ___, message, ...wanted }] of CASES.entries()) {
    const result = { file: name, ...results[i] };
    expect(result).toMatchObject({
      file: name,
      ...wanted,
      ...(message ? { message: expect.stringMatching(message) } : {}),
    });
    if (wanted.code) expect(result.name).toBe('BadInputError');
    expect(result.seconds, name).toBeLessThan(MAX_SECONDS);
    expect(result.addedMiB, name).toBeLessThan(MAX_ADDED_MIB);
  }
}, 300_000);
