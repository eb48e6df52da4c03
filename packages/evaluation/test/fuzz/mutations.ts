import { execFileSync } from 'node:child_process';
import { link, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';

/** Damage done to one file of a folder. */
export interface Mutation {
  readonly what: string;
  apply(dir: string): Promise<void>;
}

/** Values that somebody who wants to break a reader would put into JSON. */
const EVIL: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e-320,
  1e308,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  '',
  'x',
  '../../../etc/passwd',
  '/etc/passwd',
  '\u0000',
  '__proto__',
  'a'.repeat(100_000),
  `${'a?'.repeat(40)}${'a'.repeat(40)}`,
  '(a+)+$',
  [],
  {},
  [[]],
  Array.from({ length: 20_000 }, (_, i) => i),
  Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, i])),
];
/** Written into the text, since nothing that deep can be put together or printed in JavaScript. */
const DEEP = '"@deep@"';
const deepText = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

const evil = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...EVIL) },
  { weight: 1, arbitrary: fc.constant('@deep@') },
  { weight: 2, arbitrary: fc.jsonValue() },
  { weight: 2, arbitrary: fc.double() },
  { weight: 2, arbitrary: fc.maxSafeInteger() },
);

const bytesOf = (dir: string, file: string) => readFile(join(dir, file));
const put = (dir: string, file: string, bytes: Uint8Array | string) => writeFile(join(dir, file), bytes);

/** Damage that any file can take. */
const anyFile = (files: readonly string[]): fc.Arbitrary<Mutation> =>
  fc.oneof(
    fc
      .record({
        file: fc.constantFrom(...files),
        flips: fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(7)), {
          minLength: 1,
          maxLength: 8,
        }),
        early: fc.boolean(),
      })
      .map(({ file, flips, early }) => ({
        what: `${flips.length} bits of ${file}`,
        apply: async (dir: string) => {
          const bytes = await bytesOf(dir, file);
          // Headers are small beside the data, so half of the cases aim at them.
          const range = early ? Math.min(bytes.length, 600) : bytes.length;
          for (const [at, bit] of flips) bytes[Math.floor(at * range)]! ^= 1 << bit;
          await put(dir, file, bytes);
        },
      })),
    fc
      .record({ file: fc.constantFrom(...files), share: fc.double({ min: 0, max: 1, noNaN: true }) })
      .map(({ file, share }) => ({
        what: `${file} cut at ${share}`,
        apply: async (dir: string) => truncate(join(dir, file), Math.floor((await bytesOf(dir, file)).length * share)),
      })),
    fc
      .record({ file: fc.constantFrom(...files), more: fc.uint8Array({ minLength: 1, maxLength: 64 }) })
      .map(({ file, more }) => ({
        what: `${more.length} bytes behind ${file}`,
        apply: async (dir: string) => put(dir, file, Buffer.concat([await bytesOf(dir, file), more])),
      })),
    fc.record({ file: fc.constantFrom(...files), bytes: fc.uint8Array({ maxLength: 200 }) }).map(({ file, bytes }) => ({
      what: `${file} is ${bytes.length} random bytes`,
      apply: (dir: string) => put(dir, file, bytes),
    })),
    fc
      .record({
        file: fc.constantFrom(...files),
        kind: fc.constantFrom('link', 'hard link', 'folder', 'pipe', 'absent', 'swapped'),
      })
      .map(({ file, kind }) => ({
        what: `${file} is a ${kind}`,
        apply: (dir: string) => replaceFile(dir, file, kind, files),
      })),
    fc
      .record({
        name: fc.constantFrom(
          'x.py',
          'pytorch_model.bin',
          'model.onnx',
          '.hidden',
          'tokenizer.json',
          'extra.safetensors',
          'chat_template.jinja',
        ),
        bytes: fc.uint8Array({ maxLength: 20 }),
      })
      .map(({ name, bytes }) => ({
        what: `an extra file ${name}`,
        apply: (dir: string) => put(dir, name, bytes),
      })),
  );

async function replaceFile(dir: string, file: string, kind: string, files: readonly string[]): Promise<void> {
  const path = join(dir, file);
  const bytes = await readFile(path);
  await rm(path);
  const outside = join(dir, '..', 'outside');
  if (kind === 'link' || kind === 'hard link') {
    await rm(outside, { force: true });
    await writeFile(outside, bytes);
  }
  if (kind === 'link') await symlink(outside, path);
  else if (kind === 'hard link') await link(outside, path);
  else if (kind === 'folder') await mkdir(path);
  else if (kind === 'pipe') execFileSync('mkfifo', [path]);
  else if (kind === 'swapped') await writeFile(path, await readFile(join(dir, files.find((name) => name !== file)!)));
}

type Json = Record<string, unknown>;
const step = fc.record({
  pick: fc.nat(),
  value: evil,
  how: fc.constantFrom('set', 'set', 'set', 'delete', 'rename', 'add', 'twice', 'deeper'),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One change somewhere in a JSON value; returns its text. */
function changeJson(json: Json, { pick, value, how }: Step): string {
  const places: [Json, string][] = [];
  const walk = (at: unknown) => {
    if (typeof at !== 'object' || at === null) return;
    for (const key of Object.keys(at)) {
      places.push([at as Json, key]);
      walk((at as Json)[key]);
    }
  };
  walk(json);
  const [holder, key] = places[pick % places.length] ?? [json, 'x'];
  if (how === 'set') holder[key] = value;
  else if (how === 'delete') delete holder[key];
  else if (how === 'rename') {
    holder[`${key}x`] = holder[key];
    delete holder[key];
  } else if (how === 'add') json[typeof value === 'string' ? value.slice(0, 50) : 'added'] = value;
  const text = JSON.stringify(json);
  if (how === 'twice') return text.replace('{', `{${JSON.stringify(key)}:${JSON.stringify(value) ?? 'null'},`);
  if (how === 'deeper') return text.replace('{', `{"deep":${deepText(1 + (pick % 60_000))},`);
  return text.replaceAll(DEEP, deepText(30_000));
}

/** Damage to the meaning of JSON files. */
const jsonFile = (files: readonly string[]): fc.Arbitrary<Mutation> =>
  fc
    .record({ file: fc.constantFrom(...files), steps: fc.array(step, { minLength: 1, maxLength: 3 }) })
    .map(({ file, steps }) => ({
      what: `${file}: ${steps.map(({ how, value }) => `${how} ${String(JSON.stringify(value)).slice(0, 40)}`).join(', ')}`,
      apply: async (dir: string) => {
        let text = (await bytesOf(dir, file)).toString();
        for (const one of steps) {
          const parsed = parseOr(text);
          if (parsed) text = changeJson(parsed, one);
        }
        await put(dir, file, text);
      },
    }));

function parseOr(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    JSON.stringify(value);
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

/** Damage to the header and to the numbers of safetensors files. */
const safetensorsFile = (files: readonly string[]): fc.Arbitrary<Mutation> =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .record({
          file: fc.constantFrom(...files),
          steps: fc.array(step, { minLength: 1, maxLength: 3 }),
          pad: fc.boolean(),
        })
        .map(({ file, steps, pad }) => ({
          what: `header of ${file}: ${steps.map(({ how, value }) => `${how} ${String(JSON.stringify(value)).slice(0, 40)}`).join(', ')}`,
          apply: async (dir: string) => {
            const { header, data } = await partsOf(dir, file);
            let text = JSON.stringify(header);
            for (const one of steps) {
              const parsed = parseOr(text);
              if (parsed) text = changeJson(parsed, one);
            }
            const json = Buffer.from(pad ? text.padEnd(Math.ceil(text.length / 8) * 8) : text);
            await put(dir, file, Buffer.concat([lengthOf(json.length), json, data]));
          },
        })),
    },
    {
      weight: 3,
      arbitrary: fc
        .record({
          file: fc.constantFrom(...files),
          a: fc.nat(),
          b: fc.nat(),
          field: fc.constantFrom('shape', 'begin', 'end', 'dtype', 'offsets'),
          by: fc.oneof(fc.integer({ min: -8, max: 8 }), fc.maxSafeInteger()),
        })
        .map(({ file, a, b, field, by }) => ({
          what: `${field} of a tensor of ${file} by ${by}`,
          apply: async (dir: string) => {
            const { header, data } = await partsOf(dir, file);
            const names = Object.keys(header).filter((name) => name !== '__metadata__');
            const one = header[names[a % names.length]!]!;
            const other = header[names[b % names.length]!]!;
            if (field === 'shape') one.shape[b % one.shape.length]! += by;
            else if (field === 'begin') one.data_offsets[0]! += by;
            else if (field === 'end') one.data_offsets[1]! += by;
            else if (field === 'dtype') one.dtype = ['F64', 'F16', 'BF16', 'I8', 'F8_E4M3', 'BOOL', 'f32'][b % 7]!;
            else one.data_offsets = [...other.data_offsets];
            const json = Buffer.from(JSON.stringify(header));
            await put(dir, file, Buffer.concat([lengthOf(json.length), json, data]));
          },
        })),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({ file: fc.constantFrom(...files), length: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) })
        .map(({ file, length }) => ({
          what: `${file} claims a header of ${length}`,
          apply: async (dir: string) => {
            const bytes = await bytesOf(dir, file);
            bytes.writeBigUInt64LE(length);
            await put(dir, file, bytes);
          },
        })),
    },
    {
      weight: 3,
      arbitrary: fc
        .record({
          file: fc.constantFrom(...files),
          at: fc.nat(),
          value: fc.constantFrom(
            Number.NaN,
            Number.POSITIVE_INFINITY,
            Number.NEGATIVE_INFINITY,
            3e38,
            -3e38,
            1e20,
            1e-40,
          ),
          count: fc.constantFrom(1, 1, 50, 1e9),
        })
        .map(({ file, at, value, count }) => ({
          what: `${count} numbers of ${file} are ${value}`,
          apply: async (dir: string) => {
            const bytes = await bytesOf(dir, file);
            const start = 8 + Number(bytes.readBigUInt64LE(0));
            const floats = Math.floor((bytes.length - start) / 4);
            const first = at % floats;
            for (let i = first; i < Math.min(floats, first + count); i++) bytes.writeFloatLE(value, start + 4 * i);
            await put(dir, file, bytes);
          },
        })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(...files).map((file) => ({
        what: `${file} in big endian`,
        apply: async (dir: string) => {
          const bytes = await bytesOf(dir, file);
          const start = 8 + Number(bytes.readBigUInt64LE(0));
          bytes.subarray(start, start + Math.floor((bytes.length - start) / 4) * 4).swap32();
          await put(dir, file, bytes);
        },
      })),
    },
  );

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: number[];
}

async function partsOf(dir: string, file: string): Promise<{ header: Record<string, Entry>; data: Buffer }> {
  const bytes = await bytesOf(dir, file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  return { header: JSON.parse(bytes.subarray(8, start).toString()), data: bytes.subarray(start) };
}

function lengthOf(bytes: number): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes));
  return length;
}

/** One damage to a folder that holds `files`. */
export function mutations(files: readonly string[]): fc.Arbitrary<Mutation> {
  const json = files.filter((file) => file.endsWith('.json'));
  const tensors = files.filter((file) => file.endsWith('.safetensors'));
  return fc.oneof(
    { weight: 3, arbitrary: anyFile(files) },
    { weight: 4, arbitrary: jsonFile(json) },
    { weight: 5, arbitrary: safetensorsFile(tensors) },
  );
}
