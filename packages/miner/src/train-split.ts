import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readShards } from '@tuning/dataset';
import type { DownloadedFile, Hub } from '@tuning/hub';
import { BadInputError } from '@tuning/kit';
import type { PublishedSplit } from '@tuning/protocol';

/**
 * Brings the train split of an offer to `<dir>/data/train.jsonl`, whose folder must exist: from parquet shards, or from the
 * one JSON lines file of older validators. The rows that training reads are those that the validator sealed, whatever format
 * they came in.
 * @throws BadInputError `TRAIN_SPLIT_MISMATCH`, and what the hub's download throws.
 */
export async function fetchTrainSplit(hub: Hub, split: PublishedSplit, dir: string, signal: AbortSignal) {
  const { repo, revision, file, shards } = split;
  // The offer's own rule: a file without a path comes in shards.
  const wanted = shards ?? [{ ...file, path: file.path! }];
  const to = join(dir, 'download');
  const paths = new Set(wanted.map(({ path }) => path));
  const limits = { maxBytes: wanted.reduce((sum, { bytes }) => sum + bytes, 0), maxFiles: paths.size };
  const got = await hub.download(
    { type: 'dataset', repo, revision, to, limits, accept: (path) => paths.has(path) },
    { signal },
  );
  for (const { path, sha256 } of wanted) requireSame(split, path, got, sha256);
  const rows = join(dir, 'data', 'train.jsonl');
  if (!shards) {
    await rename(join(to, wanted[0]!.path), rows);
  } else {
    const partial = `${rows}.part`;
    const found = await readShards(
      shards.map(({ path }) => join(to, path)),
      { maxTextBytes: file.bytes, to: partial },
      signal,
    );
    if (found.sha256 !== file.sha256) throw mismatch(split, 'the rows', found.sha256);
    await rename(partial, rows);
  }
  await rm(to, { recursive: true, force: true });
}

function requireSame(split: PublishedSplit, path: string, got: readonly DownloadedFile[], sha256: string): void {
  const found = got.find((file) => file.path === path)?.sha256;
  if (found !== sha256) throw mismatch(split, path, found);
}

function mismatch({ repo, revision }: PublishedSplit, what: string, sha256: string | undefined): BadInputError {
  return new BadInputError(
    'TRAIN_SPLIT_MISMATCH',
    `${repo}@${revision.slice(0, 8)}: ${what} is not what the offer promised: sha256 ${sha256 ?? 'absent'}`,
  );
}
