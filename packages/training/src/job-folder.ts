import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BadInputError } from '@tuning/kit';

/** The runner's ids are `train-<job id>` and may have 64 characters. */
const JOB_ID = /^[a-z0-9-]{1,58}$/;

/** Where the parts of a training job lie; the contract of every trainer. */
export interface JobFolder {
  readonly id: string;
  readonly dir: string;
  readonly recipe: string;
  readonly modelOut: string;
  readonly curveLog: string;
}

/** @throws BadInputError `JOB_ID_INVALID` for an id that is no plain folder name. */
export function jobFolder(root: string, id: string): JobFolder {
  if (!JOB_ID.test(id)) {
    throw new BadInputError('JOB_ID_INVALID', `"${id.slice(0, 80)}" is no job id: 1 to 58 of a-z, 0-9 and "-"`);
  }
  const dir = join(root, id);
  return {
    id,
    dir,
    recipe: join(dir, 'recipe.yml'),
    modelOut: join(dir, 'out', 'model'),
    curveLog: join(dir, 'out', 'log.jsonl'),
  };
}

/** The runner's id of a job. */
export const runnerId = (id: string) => `train-${id}`;

/** Whether the trainer has left any file in out/model. */
export async function hasModel(folder: JobFolder): Promise<boolean> {
  const entries = await readdir(folder.modelOut, { withFileTypes: true }).catch(() => []);
  return entries.some((entry) => entry.isFile());
}

export async function deleteFolder(folder: JobFolder): Promise<void> {
  await rm(folder.dir, { recursive: true, force: true });
}
