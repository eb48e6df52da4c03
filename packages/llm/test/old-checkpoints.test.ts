import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenRow } from '@tuning/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMeasurer, loadWeights, readModelConfig } from '../src/index.ts';

const VECTORS = join(import.meta.dirname, 'vectors/families');

interface Stored {
  dtype: string;
  shape: number[];
  data: Uint8Array;
}
/** The tensors of a safetensors file as they lie there, whatever their format. */
async function readRaw(path: string): Promise<Map<string, Stored>> {
  const bytes = await readFile(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, start).toString('utf8'));
  delete header.__metadata__;
  return new Map(
    Object.entries<{ dtype: string; shape: number[]; data_offsets: [number, number] }>(header).map(([name, entry]) => {
      const [begin, end] = entry.data_offsets;
      return [name, { dtype: entry.dtype, shape: entry.shape, data: bytes.subarray(start + begin, start + end) }];
    }),
  );
}

async function writeRaw(path: string, tensors: ReadonlyMap<string, Stored>): Promise<void> {
  let at = 0;
  const header: Record<string, unknown> = {};
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + data.length] };
    at += data.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(path, Buffer.concat([length, json, ...[...tensors.values()].map(({ data }) => data)]));
}

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'old-checkpoints-'));
});
afterAll(() => rm(root, { recursive: true }));

let copies = 0;
/** A family's vector with its tensors renamed and others beside them. */
async function changed(
  name: string,
  rename: (tensor: string) => string,
  more: Record<string, Stored>,
): Promise<string> {
  const dir = join(root, `model-${copies++}`);
  await cp(join(VECTORS, name), dir, { recursive: true });
  const tensors = await readRaw(join(VECTORS, name, 'model.safetensors'));
  const renamed = [...tensors].map(([tensor, stored]) => [rename(tensor), stored] as const);
  await writeRaw(join(dir, 'model.safetensors'), new Map([...renamed, ...Object.entries(more)]));
  return dir;
}

const lossesOf = async (dir: string, rows: readonly TokenRow[]) => {
  const config = await readModelConfig(dir);
  return createMeasurer(config, await loadWeights(config, { kind: 'full', dir })).tokenLosses(rows);
};
const rowsOf = async (name: string) =>
  (JSON.parse(await readFile(join(VECTORS, name, 'vector.json'), 'utf8')).rows as number[][]).map(
    (row, index): TokenRow => ({ row: index, ids: Int32Array.from(row), labels: Int32Array.from(row) }),
  );

const mask = (dtype: string): Stored => ({ dtype, shape: [1, 1, 8, 8], data: new Uint8Array(64).fill(1) });
const floats = (count: number): Stored => ({ dtype: 'F32', shape: [count], data: new Uint8Array(4 * count).fill(1) });
const bare = (prefix: string) => (tensor: string) => (tensor.startsWith(prefix) ? tensor.slice(prefix.length) : tensor);

/** The layouts of the models' own first files; the losses are those of the files that transformers writes today. */
describe('old checkpoints give the losses of new ones', () => {
  test.each([
    ['gpt2', 'transformer.', { 'h.0.attn.bias': mask('U8'), 'h.1.attn.masked_bias': floats(1) }],
    ['gpt2', '', { 'transformer.h.0.attn.bias': mask('BOOL') }],
    [
      'gpt-neox',
      '',
      {
        'gpt_neox.layers.0.attention.bias': mask('BOOL'),
        'gpt_neox.layers.0.attention.rotary_emb.inv_freq': floats(4),
      },
    ],
    ['gpt-neox', 'gpt_neox.', { 'layers.1.attention.masked_bias': floats(1) }],
    ['llama', '', { 'model.layers.0.self_attn.rotary_emb.inv_freq': floats(8) }],
    ['llama', 'model.', {}],
  ] as const)('%s without "%s" and with buffers', async (name, prefix, more) => {
    const rows = await rowsOf(name);
    const dir = await changed(name, bare(prefix), more);
    expect(await lossesOf(dir, rows)).toEqual(await lossesOf(join(VECTORS, name), rows));
  });

  test.each([
    ['a mask under another name', { 'transformer.h.0.attn.extra': mask('U8') }, 'SAFETENSORS_INVALID'],
    ['a weight as bytes', { 'transformer.h.0.attn.c_attn.bias2': mask('BOOL') }, 'SAFETENSORS_INVALID'],
    ['another buffer', { 'transformer.h.0.attn.inv_freq': floats(4) }, 'TENSOR_MISMATCH'],
    ['a layer that no model has', { 'transformer.h.00000.attn.bias': floats(4) }, 'TENSOR_MISMATCH'],
  ])('%s is refused', async (_, more, code) => {
    const dir = await changed('gpt2', (tensor) => tensor, more);
    await expect(lossesOf(dir, await rowsOf('gpt2'))).rejects.toMatchObject({ code });
  });

  test('names with and without the prefix in one file are refused', async () => {
    const dir = await changed(
      'gpt2',
      (tensor) => (tensor.includes('.h.0.') ? tensor : bare('transformer.')(tensor)),
      {},
    );
    await expect(lossesOf(dir, await rowsOf('gpt2'))).rejects.toMatchObject({ code: 'TENSOR_MISMATCH' });
  });
});
