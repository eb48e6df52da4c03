import { copyFile, mkdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { basename, join, resolve, sep } from 'node:path';
import { expandPath, type NeuronConfig } from '@tuning/config';
import {
  type DataFile,
  pickTrainFiles,
  type ReadOptions,
  readmeLicence,
  requireColumns,
  storeDataset,
} from '@tuning/dataset';
import type { Hub } from '@tuning/hub';
import { BadInputError, errorMessage } from '@tuning/kit';
import { LIMITS, repoIdSchema, type TrainRequest } from '@tuning/protocol';
import { isLoopback } from './http-server.ts';

export interface Intake {
  /** How many there are. */
  rows: number;
  columns: string[];
  /** sha256 of the canonical rows, and of the file that holds them. */
  digest: string;
  /** Where the rows came from. */
  source:
    | {
        kind: 'hf';
        repo: string;
        revision: string;
        files: string[] /** Ids of its dataset card. */;
        licence?: string[];
      }
    | { kind: 'file'; path: string };
}

/** Which local files an order may name. */
export interface LocalFiles {
  /** Folders to take files from; undefined: any. */
  readonly from: readonly string[] | undefined;
  /** Folders never to read from, whatever else is allowed. */
  readonly never: readonly string[];
}

/**
 * Whoever reaches the endpoint could otherwise read this machine through it, and a validator publishes what it is given:
 * off loopback only files of `http.files_dir` are taken, and keys and the daemon's own state nowhere.
 */
export function localFilesOf(config: Pick<NeuronConfig, 'http' | 'wallet'>, dataFolder: string): LocalFiles {
  const never = [expandPath(config.wallet.path), dataFolder];
  if (config.http.files_dir !== undefined) return { from: [expandPath(config.http.files_dir)], never };
  return { from: isLoopback(config.http.host) ? undefined : [], never };
}

type DatasetRequest = Pick<TrainRequest, 'dataset' | 'dataset_type' | 'file_format' | 'dataset_revision'>;

/** Where an intake puts things. */
export interface IntakePlace {
  /** For downloads and copies; not needed afterwards. */
  folder: string;
  /** The rows as canonical lines (`storeDataset`). */
  rowsFile: string;
}

/**
 * Brings the dataset of a request into the place's folder and its rows into `rowsFile`, without holding them in memory: a
 * hub dataset at a pinned commit, or a local file. That copy is what is used from then on, so a file that changes later
 * changes nothing. Where it fails there is no `rowsFile`.
 * @throws BadInputError DATASET_NOT_FOUND, DATASET_EMPTY, DATASET_UNPARSABLE, DATASET_MISSING_COLUMN, HUB_REPO_NOT_FOUND…
 */
export async function takeInDataset(
  request: DatasetRequest,
  hub: Hub,
  { folder, rowsFile }: IntakePlace,
  files: LocalFiles,
  options: ReadOptions = {},
): Promise<Intake> {
  await mkdir(folder, { recursive: true });
  const found =
    request.file_format === 'hf'
      ? await fromHub(request, hub, folder, options)
      : await fromFile(request, folder, files, options);
  const { rows, columns, digest } = await storeDataset(found.files, rowsFile, options);
  rows.close();
  try {
    requireColumns(columns, request.dataset_type);
  } catch (error) {
    await rm(rowsFile, { force: true });
    throw error;
  }
  return { rows: rows.length, columns, digest, source: found.source };
}

/** Files on this machine, and where they came from. */
interface Found extends Pick<Intake, 'source'> {
  files: DataFile[];
}

const maxBytesOf = ({ limits }: ReadOptions) => limits?.maxBytes ?? LIMITS.datasetBytes;

async function fromFile(
  request: DatasetRequest,
  folder: string,
  files: LocalFiles,
  options: ReadOptions,
): Promise<Found> {
  const path = await allowedPath(request.dataset, files);
  const info = await stat(path).catch(() => undefined);
  if (!info?.isFile())
    throw new BadInputError(
      'DATASET_NOT_FOUND',
      `there is no file ${path}: give the path of a csv or json file on this machine`,
    );
  const most = maxBytesOf(options);
  if (info.size > most) {
    throw new BadInputError('DATASET_TOO_LARGE', `${path} has ${info.size} bytes, the limit is ${most}`);
  }
  // All of its endings: `.tsv.gz` says that cells are parted by tabs.
  const copy = join(folder, `dataset${/(\.[a-z0-9]{1,10}){0,2}$/i.exec(basename(path))?.[0] ?? ''}`);
  await copyFile(path, copy).catch((error: unknown) => {
    throw new BadInputError('DATASET_NOT_READABLE', `can't read ${path}: ${errorMessage(error)}`);
  });
  const format = request.file_format === 'csv' ? 'csv' : 'json';
  return { files: [{ path: copy, format }], source: { kind: 'file', path } };
}

/** @throws BadInputError LOCAL_FILES_REFUSED. */
async function allowedPath(dataset: string, { from, never }: LocalFiles): Promise<string> {
  if (from?.length === 0) {
    throw new BadInputError(
      'LOCAL_FILES_REFUSED',
      'this endpoint takes no local files: publish the dataset on the hub and use file_format "hf"',
    );
  }
  const wanted = resolve(from?.[0] ?? '.', dataset);
  // Symbolic links are followed before the comparison.
  const real = (path: string) => realpath(path).catch(() => path);
  const path = await real(wanted);
  const isIn = async (folder: string) => path.startsWith(`${await real(folder)}${sep}`);
  const refused = (await Promise.all(never.map(isIn))).includes(true);
  const allowed = from === undefined || (await Promise.all(from.map(isIn))).includes(true);
  if (allowed && !refused) return path;
  throw new BadInputError('LOCAL_FILES_REFUSED', `${dataset} is not in a folder that this endpoint takes files from`);
}

async function fromHub(request: DatasetRequest, hub: Hub, folder: string, read: ReadOptions): Promise<Found> {
  const repo = repoIdSchema.safeParse(request.dataset);
  if (!repo.success)
    throw new BadInputError('DATASET_NOT_FOUND', `"${request.dataset}" is not a hub dataset id (namespace/name)`);
  const options = read.signal ? { signal: read.signal } : {};
  const wanted = { type: 'dataset' as const, repo: repo.data };
  const { revision } = await hub.resolve(
    { ...wanted, ...(request.dataset_revision ? { revision: request.dataset_revision } : {}) },
    options,
  );
  const listed = (await hub.list({ ...wanted, revision }, options)).map(({ path }) => path);
  const limits = { maxBytes: maxBytesOf(read), maxFiles: 1000 };
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
  const readme = await readFile(join(folder, 'card', 'README.md'), 'utf8').catch(() => undefined);
  const files = pickTrainFiles(listed, readme);
  const licence = readme === undefined ? undefined : readmeLicence(readme);
  if (files.length === 0) {
    throw new BadInputError(
      'DATASET_NOT_FOUND',
      `${repo.data}@${revision.slice(0, 8)} has no train file in csv, json or jsonl`,
    );
  }
  const chosen = new Set(files.map(({ path }) => path));
  const to = join(folder, 'source');
  await hub.download({ ...wanted, revision, to, limits, accept: (path) => chosen.has(path) }, options);
  return {
    files: files.map(({ path, format }) => ({ path: join(to, path), format })),
    source: { kind: 'hf', repo: repo.data, revision, files: [...chosen], ...(licence ? { licence } : {}) },
  };
}
