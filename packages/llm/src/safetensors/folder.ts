import { join } from 'node:path';
import { BadInputError, errorCode } from '@tuning/kit';
import { LIMITS } from '@tuning/protocol';
import { z } from 'zod';
import { readJsonFile } from '../config/json-file.ts';
import { openSafetensorsFile, type TensorStore } from './file.ts';
import { invalidSafetensors, type TensorEntry } from './header.ts';

export const SINGLE_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

const indexSchema = z.looseObject({
  weight_map: z.record(
    z.string().max(512),
    // A plain name inside the folder: no separators, no leading dot.
    z.string().regex(/^[A-Za-z0-9][\w.-]{0,200}\.safetensors$/, 'must be a plain .safetensors file name'),
  ),
});

/**
 * Opens the weights of a model folder: `model.safetensors`, or the shards that `model.safetensors.index.json` names
 * (a single file wins, as in transformers). The index and the shards must agree on every tensor.
 * @throws BadInputError `SAFETENSORS_INVALID`, `SAFETENSORS_MISSING`.
 */
export async function openSafetensors(dir: string): Promise<TensorStore> {
  try {
    return await openSafetensorsFile(join(dir, SINGLE_FILE));
  } catch (error) {
    if (errorCode(error) !== 'SAFETENSORS_MISSING') throw error;
  }
  const index = await readIndex(dir);
  const shards = new Map<string, TensorStore>();
  const close = async () => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    const names = [...new Set(index.values())];
    if (names.length > LIMITS.submissionFiles) throw invalidSafetensors(INDEX_FILE, `it names ${names.length} shards`);
    for (const name of names) shards.set(name, await openSafetensorsFile(join(dir, name)));
    const entries = joinEntries(index, shards);
    const shardOf = (name: string): TensorStore => {
      const shard = shards.get(index.get(name) ?? '');
      if (!shard) throw new BadInputError('TENSOR_MISSING', `${INDEX_FILE} has no tensor ${name}`);
      return shard;
    };
    return {
      entries,
      read: async (name) => shardOf(name).read(name),
      locate: (name) => shardOf(name).locate(name),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readIndex(dir: string): Promise<Map<string, string>> {
  let json: unknown;
  try {
    json = await readJsonFile(dir, INDEX_FILE, LIMITS.safetensorsHeaderBytes);
  } catch (error) {
    if (errorCode(error) === 'FILE_MISSING') {
      throw new BadInputError('SAFETENSORS_MISSING', `there is neither ${SINGLE_FILE} nor ${INDEX_FILE}`, {
        details: { file: SINGLE_FILE },
      });
    }
    throw error;
  }
  const parsed = indexSchema.safeParse(json);
  if (!parsed.success) throw invalidSafetensors(INDEX_FILE, parsed.error.issues[0]!.message);
  return new Map(Object.entries(parsed.data.weight_map));
}

function joinEntries(index: ReadonlyMap<string, string>, shards: ReadonlyMap<string, TensorStore>) {
  const entries = new Map<string, TensorEntry>();
  for (const [name, shard] of index) {
    const entry = shards.get(shard)?.entries.get(name);
    if (!entry) throw invalidSafetensors(INDEX_FILE, `${shard} does not hold ${name}`);
    entries.set(name, entry);
  }
  for (const [shard, { entries: held }] of shards) {
    for (const name of held.keys()) {
      if (index.get(name) !== shard) throw invalidSafetensors(shard, `${name} is not in ${INDEX_FILE}`);
    }
  }
  return entries;
}
