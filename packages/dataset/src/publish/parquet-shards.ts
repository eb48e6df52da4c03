import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BadInputError } from '@tuning/kit';
import { Pacer } from '../slices.ts';
import { openRowFile, type RowFile } from '../stored/row-file.ts';
import { type ColumnType, NotTabular, withRow } from './column-type.ts';
import { type Feature, featureOf, leavesOf } from './parquet-column.ts';
import { readShards } from './read-shards.ts';
import { MAX_CHUNKS, ShardPlanner } from './shard-plan.ts';

/** Canonical JSON text of one shard. Compressed it is less, so a shard stays under the 500 MB that hub tools like. */
const SHARD_TEXT_BYTES = 256 * 1024 ** 2;

/** One published file: its path in the repo, and what it must be. */
export interface Shard {
  path: string;
  bytes: number;
  sha256: string;
  rows: number;
}

export interface PublishedShards {
  shards: Shard[];
  /** Of `dataset_info` in the dataset card. */
  features: Feature[];
}

export interface ShardArgs {
  /** Canonical JSON lines, as `toJsonLines` writes them. */
  rowsFile: string;
  /** sha256 of that file, the `rowsDigest` of its rows. */
  sha256: string;
  /** Folder for the shards; each lies at its `path` in it. */
  folder: string;
  /** Canonical JSON text of one shard in bytes. Default 256 MiB. */
  shardBytes?: number;
}

/**
 * Writes rows as parquet shards `data/train-00000-of-0000N.parquet`, where `load_dataset` looks for them. The same rows
 * give the same bytes on any machine. Then reads them back and compares every row with the file, so that what is published
 * is what was sealed.
 * @returns the shards; or why these rows fit no table (a column of several types, objects with different members): those
 *   are better published as JSON lines.
 * @throws BadInputError `DATASET_CHANGED` if the file has another sha256; the signal's reason when aborted.
 */
export async function writeShards(
  args: ShardArgs,
  signal?: AbortSignal,
): Promise<PublishedShards | { notTabular: string }> {
  const { rowsFile, sha256, folder, shardBytes = SHARD_TEXT_BYTES } = args;
  const rows = await openRowFile(rowsFile, signal);
  try {
    if (rows.digest !== sha256) {
      throw new BadInputError('DATASET_CHANGED', `${basename(rowsFile)} has digest ${rows.digest}, not ${sha256}`);
    }
    const { columns, plan } = await survey(rows, shardBytes, signal);
    const shards = await writeAll(rows, columns, plan, folder, signal);
    const files = shards.map(({ path }) => join(folder, path));
    const found = await readShards(files, { maxTextBytes: rows.bytes }, signal);
    if (found.sha256 !== rows.digest) throw new NotTabular('reading the shards gives other rows');
    return { shards, features: [...columns].map(([name, type]) => featureOf(name, type)) };
  } catch (error) {
    if (error instanceof NotTabular) return { notTabular: error.message };
    throw error;
  } finally {
    rows.close();
  }
}

/** First pass: types of the columns, and where shards and row groups end. */
async function survey(rows: RowFile, shardBytes: number, signal?: AbortSignal) {
  const columns = new Map<string, ColumnType>();
  const pacer = new Pacer();
  for (let index = 0; index < rows.length; index++) {
    withRow(columns, rows.at(index)!);
    if (pacer.due) await pacer.turn(signal);
  }
  const leaves = [...columns.values()].reduce((sum, type) => sum + leavesOf(type), 0);
  if (leaves > MAX_CHUNKS) throw new NotTabular(`${leaves} columns are too many`);
  const planner = new ShardPlanner(shardBytes, leaves);
  for (let index = 0; index < rows.length; index++) {
    planner.add(rows.lineBytes(index));
    if (pacer.due) await pacer.turn(signal);
  }
  return { columns, plan: planner.plan };
}

async function writeAll(
  rows: RowFile,
  columns: ReadonlyMap<string, ColumnType>,
  plan: readonly number[][],
  folder: string,
  signal?: AbortSignal,
): Promise<Shard[]> {
  // As the readers: who only reads rows need not load what writes parquet.
  const { ParquetFile } = await import('./parquet-file.ts');
  await mkdir(join(folder, 'data'), { recursive: true });
  const shards: Shard[] = [];
  const pacer = new Pacer();
  let at = 0;
  for (const [index, groups] of plan.entries()) {
    const path = shardPath(index, plan.length);
    const file = await ParquetFile.create(join(folder, path), columns);
    try {
      for (const count of groups) {
        signal?.throwIfAborted();
        const group = Array.from({ length: count }, () => rows.at(at++)!);
        if (at === count) await file.warmUp(group, pacer, signal);
        await file.write(group, pacer, signal);
        if (pacer.due) await pacer.turn(signal);
      }
      shards.push({ path, ...(await file.end()) });
    } finally {
      await file.close();
    }
  }
  return shards;
}

/** The name that `datasets` gives and looks for. */
function shardPath(index: number, count: number): string {
  const five = (n: number) => String(n).padStart(5, '0');
  return `data/train-${five(index)}-of-${five(count)}.parquet`;
}
