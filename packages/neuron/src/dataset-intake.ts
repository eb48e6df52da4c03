import { copyFile, mkdir, realpath, stat } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';
import { expandPath, type NeuronConfig } from '@tuning/config';
import { pickTrainFiles, type Row, readDataset, readDatasetFiles, requireColumns } from '@tuning/dataset';
import type { Hub } from '@tuning/hub';
import { BadInputError } from '@tuning/kit';
import { LIMITS, repoIdSchema, type TrainRequest } from '@tuning/protocol';
import { isLoopback } from './http-server.ts';
import { readOptional } from './model-cache.ts';

export interface Intake {
  rows: Row[];
  columns: string[];
  /** sha256 of the canonical rows. */
  digest: string;
  /** Where the rows came from. */
  source: { kind: 'hf'; repo: string; revision: string; files: string[] } | { kind: 'file'; path: string };
}

/** Which local files an order may name. */
export type LocalFiles =
  | { readonly allow: 'any' }
  | { readonly allow: 'none' }
  | { readonly allow: 'folder'; readonly folder: string };

/**
 * Whoever reaches the endpoint could otherwise read this machine through it: off loopback only files of `http.files_dir`
 * are taken, and none where it is not set.
 */
export function localFilesOf(http: NeuronConfig['http']): LocalFiles {
  if (http.files_dir !== undefined) return { allow: 'folder', folder: expandPath(http.files_dir) };
  return { allow: isLoopback(http.host) ? 'any' : 'none' };
}

type DatasetRequest = Pick<TrainRequest, 'dataset' | 'dataset_type' | 'file_format' | 'dataset_revision'>;

/**
 * Brings the dataset of a request into `folder` and reads it: a hub dataset at a pinned commit, or a local file. The
 * copy is what is used from then on, so a file that changes later changes nothing.
 * @throws BadInputError DATASET_NOT_FOUND, DATASET_EMPTY, DATASET_UNPARSABLE, DATASET_MISSING_COLUMN, HUB_REPO_NOT_FOUND…
 */
export async function takeInDataset(
  request: DatasetRequest,
  hub: Hub,
  folder: string,
  files: LocalFiles,
  signal?: AbortSignal,
): Promise<Intake> {
  await mkdir(folder, { recursive: true });
  const intake =
    request.file_format === 'hf'
      ? await fromHub(request, hub, folder, signal)
      : await fromFile(request, folder, files, signal);
  requireColumns(intake.columns, request.dataset_type);
  return intake;
}

async function fromFile(
  request: DatasetRequest,
  folder: string,
  files: LocalFiles,
  signal?: AbortSignal,
): Promise<Intake> {
  const path = await allowedPath(request.dataset, files);
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile())
    throw new BadInputError(
      'DATASET_NOT_FOUND',
      `there is no file ${path}: give the path of a csv or json file on this machine`,
    );
  if (info.size > LIMITS.datasetBytes) {
    throw new BadInputError('DATASET_TOO_LARGE', `${path} has ${info.size} bytes, the limit is ${LIMITS.datasetBytes}`);
  }
  const copy = join(folder, `dataset${extname(path)}`);
  await copyFile(path, copy);
  const read = await readDataset(
    { path: copy, format: request.file_format === 'csv' ? 'csv' : 'json' },
    signal ? { signal } : {},
  );
  return { ...read, source: { kind: 'file', path } };
}

/** @throws BadInputError LOCAL_FILES_REFUSED. */
async function allowedPath(dataset: string, files: LocalFiles): Promise<string> {
  if (files.allow === 'any') return resolve(dataset);
  if (files.allow === 'none') {
    throw new BadInputError(
      'LOCAL_FILES_REFUSED',
      'this endpoint takes no local files: publish the dataset on the hub and use file_format "hf"',
    );
  }
  const wanted = resolve(files.folder, dataset);
  // Symbolic links are followed before the comparison.
  const path = await realpath(wanted).catch(() => wanted);
  const root = await realpath(files.folder).catch(() => files.folder);
  if (path.startsWith(`${root}${sep}`)) return path;
  throw new BadInputError('LOCAL_FILES_REFUSED', `${dataset} is not in the folder that this endpoint takes files from`);
}

async function fromHub(request: DatasetRequest, hub: Hub, folder: string, signal?: AbortSignal): Promise<Intake> {
  const repo = repoIdSchema.safeParse(request.dataset);
  if (!repo.success)
    throw new BadInputError('DATASET_NOT_FOUND', `"${request.dataset}" is not a hub dataset id (namespace/name)`);
  const options = signal ? { signal } : {};
  const wanted = { type: 'dataset' as const, repo: repo.data };
  const { revision } = await hub.resolve(
    { ...wanted, ...(request.dataset_revision ? { revision: request.dataset_revision } : {}) },
    options,
  );
  const listed = (await hub.list({ ...wanted, revision }, options)).map(({ path }) => path);
  const limits = { maxBytes: LIMITS.datasetBytes, maxFiles: 1000 };
  if (listed.includes('README.md')) {
    await hub.download(
      {
        ...wanted,
        revision,
        to: join(folder, 'card'),
        limits: { maxBytes: LIMITS.jsonFileBytes, maxFiles: 1 },
        accept: (path) => path === 'README.md',
      },
      options,
    );
  }
  const files = pickTrainFiles(listed, await readOptional(join(folder, 'card', 'README.md')));
  if (files.length === 0) {
    throw new BadInputError(
      'DATASET_NOT_FOUND',
      `${repo.data}@${revision.slice(0, 8)} has no train file in csv, json or jsonl`,
    );
  }
  const chosen = new Set(files.map(({ path }) => path));
  const to = join(folder, 'source');
  await hub.download({ ...wanted, revision, to, limits, accept: (path) => chosen.has(path) }, options);
  const read = await readDatasetFiles(
    files.map(({ path, format }) => ({ path: join(to, path), format })),
    options,
  );
  return { ...read, source: { kind: 'hf', repo: repo.data, revision, files: [...chosen] } };
}
