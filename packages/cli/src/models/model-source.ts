import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expandPath } from '@tuning/config';
import { isSubmissionFile } from '@tuning/evaluation';
import { OperatorError } from '@tuning/kit';
import { repoIdSchema } from '@tuning/protocol';
import { showProgress } from './progress-line.ts';
import type { Workspace } from './workspace.ts';

/** Bytes that a model of the hub may have. */
const MAX_BYTES = 2 ** 40;

/** A model as the command line names it, on disk. */
export interface ModelSource {
  /** Folder as given, or `namespace/name@commit`. */
  readonly name: string;
  readonly dir: string;
  /** Present where it came from the hub. */
  readonly repo?: { repo: string; revision: string };
  /** Files of the repo that were left where they are: code, pickles and whatever else no submission may hold. */
  readonly leftOut: readonly string[];
}

/**
 * A folder of this machine, or a model of the hub (`namespace/name`, `namespace/name@revision`), whose safetensors and
 * configs are downloaded at a pinned commit. A folder wins where both exist.
 * @param accept files of the repo to download; default: all that a submission may hold.
 * @throws OperatorError `MODEL_NOT_FOUND`; what the hub throws.
 */
export async function locateModel(
  name: string,
  cache: string | undefined,
  workspace: Workspace,
  accept: (path: string) => boolean = isSubmissionFile,
): Promise<ModelSource> {
  const dir = expandPath(name);
  const found = await stat(dir).catch(() => undefined);
  if (found?.isDirectory()) return { name, dir, leftOut: [] };
  const [repo = '', revision, ...rest] = name.split('@');
  if (!repoIdSchema.safeParse(repo).success || revision === '' || rest.length > 0 || found) {
    const what = found ? 'is a file, not a model’s folder' : 'is neither a folder of this machine nor a model of a hub';
    throw new OperatorError('MODEL_NOT_FOUND', `${name} ${what}: give a folder, or namespace/name@revision`);
  }
  return fromHub({ repo, ...(revision === undefined ? {} : { revision }) }, cache, workspace, accept);
}

async function fromHub(
  wanted: { repo: string; revision?: string },
  cache: string | undefined,
  { hub, signal }: Workspace,
  accept: (path: string) => boolean,
): Promise<ModelSource> {
  const { revision } = await hub.resolve({ type: 'model', ...wanted }, { signal });
  const repo = { repo: wanted.repo, revision };
  const files = await hub.list({ type: 'model', ...repo }, { signal });
  const root = cache === undefined ? join(homedir(), '.tuning', 'cache') : expandPath(cache);
  const dir = join(root, 'models', repo.repo.replace('/', '--'), revision);
  await hub.download(
    { type: 'model', ...repo, to: dir, limits: { maxBytes: MAX_BYTES, maxFiles: 1_000 }, accept },
    {
      signal,
      onProgress: ({ doneBytes, totalBytes }) =>
        showProgress(`downloading ${repo.repo}  ${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB`),
    },
  );
  showProgress(undefined);
  const leftOut = files.map(({ path }) => path).filter((path) => !isSubmissionFile(path));
  return { name: `${repo.repo}@${revision}`, dir, repo, leftOut };
}

/** The files that tell how a model reads text, without its weights. */
export function isTextFile(path: string): boolean {
  return isSubmissionFile(path) && !path.endsWith('.safetensors');
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
