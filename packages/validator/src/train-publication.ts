import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeShards } from '@tuning/dataset';
import type { TaskRequest } from '@tuning/protocol';
import { datasetCard } from './dataset-card.ts';
import type { ValidatorServices } from './services.ts';
import { taskFolder } from './task-folder.ts';
import type { StepValue, TaskSteps } from './task-steps.ts';

/** Where rows lie that fit no table; `load_dataset` reads JSON lines as well. */
const JSON_LINES_PATH = 'data/train-00000-of-00001.jsonl';

/**
 * Publishes the train rows with a dataset card, for everybody: as parquet shards, or as JSON lines where the rows fit no
 * table. Doing it again gives the same bytes, hence the same commit.
 */
export async function publishTrainSplit(
  services: ValidatorServices,
  steps: TaskSteps,
  request: TaskRequest,
): Promise<StepValue<'publish'>> {
  const { hub, namespace, folder, signal, logger } = services;
  const { taskId } = steps;
  const files = taskFolder(folder, taskId);
  const split = steps.need('split');
  const made = await writeShards(
    { rowsFile: files.train, sha256: split.file.sha256, folder: files.publication },
    signal,
  );
  if ('notTabular' in made) logger.info({ taskId, reason: made.notTabular }, 'train split goes out as JSON lines');
  const card = datasetCard({
    taskId,
    split,
    request,
    source: steps.need('source'),
    published: 'shards' in made ? made : { path: JSON_LINES_PATH },
  });
  const data =
    'shards' in made
      ? made.shards.map(({ path }) => ({ path, content: join(files.publication, path) }))
      : [{ path: JSON_LINES_PATH, content: files.train }];
  const repo = `${namespace}/tuning-${taskId}`;
  const { revision } = await hub.publish(
    {
      type: 'dataset',
      repo,
      // Miners of any namespace must read it; what is secret is the test split, which never leaves this machine.
      visibility: 'public',
      files: [...data, { path: 'README.md', content: Buffer.from(card) }],
      message: `Train split of task ${taskId}`,
    },
    { signal },
  );
  await rm(files.publication, { recursive: true, force: true });
  logger.info({ taskId, repo, revision, files: data.length }, 'train split published');
  return { repo, revision, ...('shards' in made ? { shards: made.shards } : { path: JSON_LINES_PATH }) };
}
