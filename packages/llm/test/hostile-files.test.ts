import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LIMITS } from '@tuning/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSafetensors, openSafetensorsFile, readJsonFile, writeSafetensors } from '../src/index.ts';
import { readAtMost } from '../src/safetensors/regular-file.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hostile-'));
  path = join(dir, 'model.safetensors');
});
afterEach(() => rm(dir, { recursive: true }));

const refused = (code: string, problem: RegExp) => ({ code, message: expect.stringMatching(problem) });
const tensor = (value: number) => [
  { name: 'a', shape: [100_000], dtype: 'F32' as const, data: new Float32Array(100_000).fill(value) },
];

/** A file whose header is `json`, with no data behind it. */
async function withHeader(json: string): Promise<void> {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(json)));
  await writeFile(path, Buffer.concat([length, Buffer.from(json)]));
}

describe('a file that changes while it is read', () => {
  test('truncated after its header was checked: refused', async () => {
    await writeSafetensors(path, tensor(1));
    const store = await openSafetensorsFile(path);
    await truncate(path, 1_000);
    await expect(store.read('a')).rejects.toMatchObject(refused('SAFETENSORS_INVALID', /ends at byte 1000/));
    await store.close();
  });

  test('swapped by a rename: what was opened is what is read', async () => {
    await writeSafetensors(path, tensor(1));
    const store = await openSafetensorsFile(path);
    await writeSafetensors(join(dir, 'other'), tensor(2));
    await rename(join(dir, 'other'), path);
    expect(new Set(await store.read('a'))).toEqual(new Set([1]));
    await store.close();
  });

  test('grown after its size was looked at: JSON is read no further than its limit', async () => {
    const file = join(dir, 'config.json');
    await writeFile(file, '{}');
    const handle = await open(file);
    await appendFile(file, ' '.repeat(200_000));
    expect(await readAtMost(handle, 100_000)).toBeUndefined();
    expect((await readAtMost(handle, 200_002))!.length).toBe(200_002);
    await handle.close();
  });
});

describe('what is no regular file is refused, and nobody waits for it', () => {
  test.each(['folder', 'pipe', 'socket', 'device', 'link to itself'])('%s', async (kind) => {
    const server = createServer();
    if (kind === 'folder') await mkdir(path);
    else if (kind === 'pipe') execFileSync('mkfifo', [path]);
    else if (kind === 'socket') await new Promise<void>((resolve) => server.listen(path, resolve));
    else if (kind === 'link to itself') execFileSync('ln', ['-s', 'model.safetensors', path]);
    const started = performance.now();
    const target = kind === 'device' ? '/dev/zero' : path;
    const problem = /is not a regular file|is a symbolic link/;
    await expect(openSafetensorsFile(target)).rejects.toMatchObject(refused('SAFETENSORS_INVALID', problem));
    const name = target.slice(target.lastIndexOf('/') + 1);
    const folder = kind === 'device' ? '/dev' : dir;
    await expect(readJsonFile(folder, name, 100)).rejects.toMatchObject(refused('FILE_INVALID', problem));
    expect(performance.now() - started).toBeLessThan(2_000);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('header bombs end within seconds and half a gigabyte', () => {
  const entry = (begin: number) => `{"dtype":"F32","shape":[0],"data_offsets":[${begin},${begin}]}`;
  const fill = (make: (i: number) => string) => {
    const parts: string[] = [];
    for (let bytes = 0, i = 0; bytes < LIMITS.safetensorsHeaderBytes - 1_000; i++) {
      parts.push(make(i));
      bytes += parts.at(-1)!.length + 1;
    }
    return parts.join(',');
  };
  test.each<[string, () => string, RegExp]>([
    ['as many tensors as the header holds', () => `{${fill((i) => `"${i}":${entry(0)}`)}}`, /more than 100000 tensors/],
    ['one tensor with as many keys', () => `{"a":{${fill((i) => `"${i}":0`)}}}`, /tensor a/],
    [
      'a shape of as many dimensions',
      () => `{"a":{"dtype":"F32","shape":[${fill(() => '1')}],"data_offsets":[0,4]}}`,
      /shape/,
    ],
    ['one name', () => `{"${'a'.repeat(LIMITS.safetensorsHeaderBytes - 100)}":${entry(0)}}`, /characters/],
    ['metadata that is no text', () => `{"__metadata__":{${fill((i) => `"${i}":0`)}}}`, /__metadata__/],
    ['nesting', () => `{"a":${'['.repeat(8_000_000)}${']'.repeat(8_000_000)}}`, /nested deeper than 64|not UTF-8 JSON/],
    [
      'dimensions beyond any number',
      () => `{"a":{"dtype":"F32","shape":[${Array(8).fill(2 ** 31)}],"data_offsets":[0,0]}}`,
      /needs/,
    ],
    ['a double key at the end', () => `{${fill((i) => `"k${i}":0`)},"k0":1}`, /twice/],
  ])('%s', async (_, make, problem) => {
    await withHeader(make());
    const before = process.memoryUsage.rss();
    const started = performance.now();
    await expect(openSafetensors(dir)).rejects.toMatchObject(refused('SAFETENSORS_INVALID', problem));
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(process.memoryUsage.rss() - before).toBeLessThan(512 * 1024 ** 2);
  });

  test('a header longer than allowed is not read at all', async () => {
    await writeFile(path, Buffer.alloc(64));
    const handle = await open(path, 'r+');
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(LIMITS.safetensorsHeaderBytes) + 1n);
    await handle.write(length, 0, 8, 0);
    await handle.truncate(2 * LIMITS.safetensorsHeaderBytes);
    await handle.close();
    const before = process.memoryUsage.rss();
    await expect(openSafetensorsFile(path)).rejects.toMatchObject(refused('SAFETENSORS_INVALID', /header claims/));
    expect(process.memoryUsage.rss() - before).toBeLessThan(8 * 1024 ** 2);
  });
});

test('JSON of any depth is refused before anybody walks it', async () => {
  for (const depth of [65, 100_000, 1_900_000]) {
    await writeFile(join(dir, 'config.json'), `{"auto_map":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    const read = readJsonFile(dir, 'config.json', LIMITS.jsonFileBytes);
    await expect(read).rejects.toMatchObject(refused('FILE_INVALID', /nested deeper than 64|is not JSON/));
  }
  await writeFile(join(dir, 'config.json'), `{"a":${'['.repeat(62)}"${'['.repeat(100)}"${']'.repeat(62)}}`);
  expect(await readJsonFile(dir, 'config.json', LIMITS.jsonFileBytes)).toHaveProperty('a');
});

test('big-endian weights give numbers, so that only the comparison with the base can tell', async () => {
  await writeSafetensors(path, [{ name: 'a', shape: [3], dtype: 'F32', data: Float32Array.of(1, 2, -0.5) }]);
  const bytes = await readFile(path);
  bytes.subarray(bytes.length - 12).swap32();
  await writeFile(path, bytes);
  const store = await openSafetensorsFile(path);
  const values = await store.read('a');
  expect([...values]).not.toEqual([1, 2, -0.5]);
  expect(values.every(Number.isFinite)).toBe(true);
  await store.close();
});
