import { GIB } from '@tuning/kit';
import { PROMPT_FORMAT, type TaskOffer, type TaskRequest, taskOfferSchema } from '@tuning/protocol';
import { needSchedule } from './schedule.ts';
import type { ValidatorServices } from './services.ts';
import type { TaskSteps } from './task-steps.ts';

/** Rows longer than this many tokens are dropped in training and in measuring, and counted. */
export function sequenceLenOf(services: Pick<ValidatorServices, 'config'>, request: TaskRequest): number {
  return request.sequence_len ?? services.config.tournament.sequence_len;
}

/** The offer of a prepared task: the same bytes for every miner, and after every restart. */
export function buildOffer(
  services: Pick<ValidatorServices, 'config' | 'store'>,
  steps: TaskSteps,
  request: TaskRequest,
): TaskOffer {
  const split = steps.need('split');
  const { repo, revision, path, shards } = steps.need('publish');
  const schedule = needSchedule(services, steps.taskId);
  return taskOfferSchema.parse({
    taskId: steps.taskId,
    netuid: services.config.netuid,
    model: steps.need('source').model,
    dataset: { repo, revision, file: { ...split.file, ...(path ? { path } : {}) }, ...(shards ? { shards } : {}) },
    datasetType: request.dataset_type,
    promptFormat: PROMPT_FORMAT,
    sequenceLen: sequenceLenOf(services, request),
    seal: split.seal,
    offerDeadlineBlock: schedule.offerDeadlineBlock,
    deadlineBlock: schedule.deadlineBlock,
    maxModelBytes: Math.round(services.config.evaluation.max_model_gb * GIB),
  });
}
