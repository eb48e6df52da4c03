import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  decodeWeights,
  encodeWeights,
  openSafetensors,
  openSafetensorsFile,
  WEIGHT_DTYPES,
  writeSafetensors,
} from '../src/index.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterAll(() => rm(dir, { recursive: true }));

const values = Float32Array.from([0, -0, 1, -1.5, 2 ** -14, 2 ** -24, 65504, 0.333251953125]);

describe('round trips', () => {
  test.each(WEIGHT_DTYPES)('%s keeps what it can hold', async (dtype) => {
    const path = join(dir, `${dtype}.safetensors`);
    const odd = Float32Array.from([5]);
    await writeSafetensors(path, [
      { name: 'odd', shape: [1], dtype: 'BF16', data: odd },
      { name: 'x', shape: [2, 4], dtype, data: values },
      { name: 'none', shape: [0, 3], dtype, data: new Float32Array() },
    ]);
    const store = await openSafetensorsFile(path);
    const expected = new Float32Array(8);
    decodeWeights(dtype, encodeWeights(dtype, values), expected);
    expect(store.entries.get('x')).toMatchObject({ dtype, shape: [2, 4] });
    expect(await store.read('x')).toEqual(expected);
    expect(await store.read('odd')).toEqual(odd);
    expect(await store.read('none')).toEqual(new Float32Array());
    await expect(store.read('y')).rejects.toMatchObject({ code: 'TENSOR_MISSING' });
    await store.close();
  });

  test('the header is a multiple of 8 and starts as other readers expect', async () => {
    const path = join(dir, 'header.safetensors');
    await writeSafetensors(path, [{ name: 'x', shape: [1], dtype: 'F32', data: Float32Array.of(1) }]);
    const bytes = await readFile(path);
    const length = Number(bytes.readBigUInt64LE());
    expect(length % 8).toBe(0);
    expect(JSON.parse(bytes.subarray(8, 8 + length).toString())).toEqual({
      __metadata__: { format: 'pt' },
      x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
    });
    expect(bytes.subarray(8 + length)).toEqual(Buffer.from([0, 0, 0x80, 0x3f]));
  });

  test('a tensor larger than one chunk is read whole', async () => {
    const path = join(dir, 'large.safetensors');
    const data = Float32Array.from({ length: 5_000_000 }, (_, index) => index % 251);
    await writeSafetensors(path, [{ name: 'x', shape: [data.length], dtype: 'BF16', data }]);
    const store = await openSafetensorsFile(path);
    expect(Buffer.compare(Buffer.from((await store.read('x')).buffer), Buffer.from(data.buffer))).toBe(0);
    await store.close();
  });
});

describe('number formats', () => {
  const bitsOf = (dtype: 'F16' | 'BF16', value: number) =>
    new Uint16Array(encodeWeights(dtype, Float32Array.of(value)).buffer)[0];

  test.each([
    ['F16', 1, 0x3c00],
    ['F16', -2, 0xc000],
    ['F16', 65504, 0x7bff],
    ['F16', 65519.99, 0x7bff],
    ['F16', 65520, 0x7c00],
    ['F16', 2 ** -24, 0x0001],
    ['F16', 2 ** -25, 0x0000],
    ['F16', 3 * 2 ** -25, 0x0002],
    ['F16', 2 ** -14 - 2 ** -25, 0x0400],
    ['F16', 1 + 2 ** -11, 0x3c00],
    ['F16', 1 + 3 * 2 ** -11, 0x3c02],
    ['BF16', 1, 0x3f80],
    ['BF16', 1 + 2 ** -8, 0x3f80],
    ['BF16', 1 + 3 * 2 ** -8, 0x3f82],
    ['BF16', 3.4e38, 0x7f80],
  ] as const)('%s of %d rounds to nearest even', (dtype, value, bits) => {
    expect(bitsOf(dtype, value)).toBe(bits);
  });

  test.each(['F16', 'BF16'] as const)('every finite %s survives decode and encode', (dtype) => {
    const mask = dtype === 'F16' ? 0x7c00 : 0x7f80;
    const all = Uint16Array.from({ length: 65_536 }, (_, half) => half).filter((half) => (half & mask) !== mask);
    const floats = new Float32Array(all.length);
    expect(decodeWeights(dtype, new Uint8Array(all.buffer), floats)).toBe(-1);
    expect(new Uint16Array(encodeWeights(dtype, floats).buffer)).toEqual(all);
  });

  test.each([
    ['F32', Float32Array.of(1, Number.NaN), 1],
    ['F32', Float32Array.of(Number.NEGATIVE_INFINITY), 0],
    ['F16', Uint16Array.of(0x3c00, 0x7bff, 0x7c00), 2],
    ['BF16', Uint16Array.of(0x7f7f, 0xff80), 1],
    ['BF16', Uint16Array.of(0x7fc0), 0],
  ] as const)('%s %s is reported at its index', (dtype, data, index) => {
    expect(decodeWeights(dtype, new Uint8Array(data.buffer), new Float32Array(data.length))).toBe(index);
  });
});

/** A file of the given header object or text, and data bytes. */
async function craft(header: object | string, data: number | Uint8Array, claimed?: bigint): Promise<string> {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.length));
  const path = join(dir, `crafted-${Math.random().toString(36).slice(2)}.safetensors`);
  await writeFile(path, Buffer.concat([length, json, typeof data === 'number' ? Buffer.alloc(data) : data]));
  return path;
}
const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('hostile files', () => {
  const cases: [string, () => Promise<string>, RegExp][] = [
    ['a header longer than the file', () => craft({ x: f32(0, 4) }, 4, 10_000n), /header claims 10000 bytes/],
    ['a header of 2^63 bytes', () => craft({}, 0, 2n ** 63n), /allowed are/],
    ['no JSON', () => craft('{"x"', 0), /not UTF-8 JSON/],
    ['invalid UTF-8', () => craft('', Buffer.from([0xff, 0x22]), 2n), /not UTF-8 JSON/],
    ['an array', () => craft('[]', 0), /not a JSON object/],
    [
      'a key twice',
      () => craft(`{"x":${JSON.stringify(f32(0, 4))},"\\u0078":${JSON.stringify(f32(0, 4))}}`, 4),
      /"x" twice/,
    ],
    [
      'an inner key twice',
      () => craft('{"x":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
      /"dtype" twice/,
    ],
    ['a foreign dtype', () => craft({ x: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, 8), /dtype/],
    ['a negative shape', () => craft({ x: f32(0, 4, [-1]) }, 4), /shape/],
    ['a shape that overflows', () => craft({ x: f32(0, 4, [2 ** 31, 2 ** 31, 2 ** 31]) }, 4), /needs/],
    ['a wrong length', () => craft({ x: f32(0, 8, [1]) }, 8), /needs 4 bytes, the offsets span 8/],
    ['begin after end', () => craft({ x: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }, 4), /span -4/],
    ['an overlap', () => craft({ x: f32(0, 8), y: f32(4, 12) }, 12), /y overlaps/],
    ['a gap', () => craft({ x: f32(0, 4), y: f32(8, 12) }, 12), /gap of 4 bytes/],
    ['bytes after the last tensor', () => craft({ x: f32(0, 4) }, 8), /the tensors end/],
    ['a truncated file', () => craft({ x: f32(0, 8) }, 4), /the tensors end/],
    ['metadata that is no text', () => craft({ __metadata__: { a: 1 } }, 0), /__metadata__/],
    ['an unknown member', () => craft({ x: { ...f32(0, 4), extra: 1 } }, 4), /x/],
    [
      'a stub',
      async () => {
        const path = join(dir, 'stub.safetensors');
        await writeFile(path, 'abc');
        return path;
      },
      /3 bytes/,
    ],
    [
      'a folder',
      async () => {
        const path = join(dir, 'folder.safetensors');
        await mkdir(path);
        return path;
      },
      /not a regular file/,
    ],
    [
      'a link',
      async () => {
        const path = join(dir, 'link.safetensors');
        await symlink(await craft({ x: f32(0, 4) }, 4), path);
        return path;
      },
      /symbolic link/,
    ],
  ];
  test.each(cases)('%s', async (_, make, problem) => {
    await expect(openSafetensorsFile(await make())).rejects.toMatchObject({
      code: 'SAFETENSORS_INVALID',
      message: expect.stringMatching(problem),
    });
  });

  test('a name like __proto__ is only a name', async () => {
    const store = await openSafetensorsFile(await craft(`{"__proto__":${JSON.stringify(f32(0, 4))}}`, 4));
    expect([...store.entries.keys()]).toEqual(['__proto__']);
    await store.close();
  });

  test('a NaN is refused when its tensor is read, by name', async () => {
    const store = await openSafetensorsFile(
      await craft({ x: f32(0, 8) }, new Uint8Array(Float32Array.of(1, Number.NaN).buffer)),
    );
    await expect(store.read('x')).rejects.toMatchObject({
      code: 'WEIGHTS_NON_FINITE',
      details: { tensor: 'x', element: 1 },
    });
    await store.close();
  });

  test('a file that shrinks after it was opened is an error, not a crash', async () => {
    const path = await craft({ x: f32(0, 4096) }, 4096);
    const store = await openSafetensorsFile(path);
    await truncate(path, 1000);
    await expect(store.read('x')).rejects.toMatchObject({ code: 'SAFETENSORS_INVALID' });
    await store.close();
  });
});

describe('shards', () => {
  async function folder(index: object, shards: Record<string, string[]>): Promise<string> {
    const path = await mkdtemp(join(dir, 'shards-'));
    await writeFile(join(path, 'model.safetensors.index.json'), JSON.stringify(index));
    for (const [file, names] of Object.entries(shards)) {
      const tensors = names.map((name) => ({
        name,
        shape: [1],
        dtype: 'F32' as const,
        data: Float32Array.of(names.length),
      }));
      await writeSafetensors(join(path, file), tensors);
    }
    return path;
  }
  const shards = { 'a.safetensors': ['x'], 'b.safetensors': ['y', 'z'] };
  const map = { x: 'a.safetensors', y: 'b.safetensors', z: 'b.safetensors' };

  test('are one store', async () => {
    const store = await openSafetensors(await folder({ metadata: { total_size: 12 }, weight_map: map }, shards));
    expect([...store.entries.keys()]).toEqual(['x', 'y', 'z']);
    expect(await store.read('z')).toEqual(Float32Array.of(2));
    await store.close();
  });

  test.each([
    ['a shard outside the folder', { ...map, x: '../a.safetensors' }, /plain .safetensors file name/],
    ['a tensor that its shard lacks', { ...map, w: 'a.safetensors' }, /does not hold w/],
    ['a tensor that the index lacks', { x: 'a.safetensors', y: 'b.safetensors' }, /z is not in/],
  ])('%s is refused', async (_, weights, problem) => {
    await expect(openSafetensors(await folder({ weight_map: weights }, shards))).rejects.toMatchObject({
      code: 'SAFETENSORS_INVALID',
      message: expect.stringMatching(problem),
    });
  });

  test('missing weights are told apart from broken ones', async () => {
    const empty = await mkdtemp(join(dir, 'empty-'));
    await expect(openSafetensors(empty)).rejects.toMatchObject({ code: 'SAFETENSORS_MISSING' });
    const missing = await folder({ weight_map: { x: 'c.safetensors' } }, {});
    await expect(openSafetensors(missing)).rejects.toMatchObject({ code: 'SAFETENSORS_MISSING' });
  });
});
