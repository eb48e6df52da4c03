import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hub } from '@tuning/hub';
import { BadInputError, OperatorError, pathExists, writeFileAtomic } from '@tuning/kit';
import type { BaseModel, ModelCache } from '@tuning/neuron';
import { type DatasetType, sha256Hex, taskOfferSchema } from '@tuning/protocol';
import type { AssignmentRepository, JobRecord } from '@tuning/store';
import { loadRecipe, recipeYaml } from '@tuning/training';
import { jobPayloadSchema } from './job-payload.ts';
import type { RoomBook } from './room-book.ts';
import { fetchTrainSplit } from './train-split.ts';

export interface PreparationServices {
  hub: Hub;
  models: ModelCache;
  assignments: AssignmentRepository;
  /** configs/base.yml. */
  baseRecipe: string;
  /** The operator's own keys. */
  recipeOverrides: Record<string, unknown>;
  hotkey: string;
  room: Pick<RoomBook, 'lackOfStarting'>;
  /** Unix time in ms at which training for a deadline block must be over, with time left to publish and commit. */
  finishBy: (deadlineBlock: number) => number;
}

/** Fills a job folder with recipe.yml, data/train.jsonl and model/; the recipe is written last and says "complete". */
export async function prepareJob(
  services: PreparationServices,
  job: JobRecord,
  dir: string,
  signal: AbortSignal,
): Promise<void> {
  if (await pathExists(join(dir, 'recipe.yml'))) return;
  const payload = jobPayloadSchema.parse(job.payload);
  if (payload.kind === 'own') {
    await makeFolder(services, job, dir, payload.model, (await stat(payload.rowsFile)).size, signal);
    await copyFile(payload.rowsFile, join(dir, 'data', 'train.jsonl'));
    const sequenceLen = Number(
      loadRecipe({ baseFile: services.baseRecipe, overrides: services.recipeOverrides })['sequence_len'],
    );
    await placeModelAndRecipe(
      services,
      dir,
      payload.model,
      { datasetType: payload.request.dataset_type, sequenceLen, seedText: job.id },
      signal,
    );
    return;
  }
  const assignment = services.assignments.get(payload.taskId);
  if (!assignment)
    throw new BadInputError('ASSIGNMENT_MISSING', `the store has no assignment ${payload.taskId} for job ${job.id}`);
  const offer = taskOfferSchema.parse(assignment.offer);
  await makeFolder(services, job, dir, offer.model, offer.dataset.file.bytes, signal);
  await fetchTrainSplit(services.hub, offer.dataset, dir, signal);
  await placeModelAndRecipe(
    services,
    dir,
    offer.model,
    {
      datasetType: offer.datasetType,
      sequenceLen: offer.sequenceLen,
      seedText: `${offer.taskId}${services.hotkey}`,
      finishBy: services.finishBy(offer.deadlineBlock),
    },
    signal,
  );
}

/** @throws OperatorError DISK_FULL before anything is downloaded that would not fit. */
async function makeFolder(
  { models, room }: PreparationServices,
  job: JobRecord,
  dir: string,
  model: BaseModel,
  rowsBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const { facts } = await models.survey(model.repo, model.revision, signal);
  await mkdir(join(dir, 'data'), { recursive: true });
  const lack = await room.lackOfStarting(job, { model, modelBytes: facts.bytes, rowsBytes });
  if (lack) throw new OperatorError('DISK_FULL', lack);
}

async function placeModelAndRecipe(
  services: PreparationServices,
  dir: string,
  model: BaseModel,
  task: { datasetType: DatasetType; sequenceLen: number; seedText: string; finishBy?: number },
  signal: AbortSignal,
): Promise<void> {
  await mkdir(join(dir, 'model'), { recursive: true });
  // Copies (reflinks where the file system has them), because the job could write through a hard link.
  const copy = async (cached: string) => {
    for (const name of await readdir(cached))
      await copyFile(join(cached, name), join(dir, 'model', name), constants.COPYFILE_FICLONE);
  };
  await services.models.use(model, copy, signal);
  const recipe = loadRecipe({
    baseFile: services.baseRecipe,
    overrides: services.recipeOverrides,
    task: {
      datasetType: task.datasetType,
      sequenceLen: task.sequenceLen,
      seed: Number.parseInt(sha256Hex(task.seedText).slice(0, 7), 16),
      baseRepo: model.repo,
      baseRevision: model.revision,
      ...(task.finishBy === undefined ? {} : { finishBy: task.finishBy }),
    },
  });
  await writeFileAtomic(join(dir, 'recipe.yml'), recipeYaml(recipe));
}

/** sha256 of a file, lower-case hex, read in chunks. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
