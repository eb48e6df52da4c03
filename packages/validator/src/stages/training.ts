import { errorMessage, sleep } from '@tuning/kit';
import type { TaskRequest } from '@tuning/protocol';
import { sequenceLenOf } from '../offer.ts';
import { needSchedule } from '../schedule.ts';
import type { ValidatorServices } from '../services.ts';
import { taskFolder } from '../task-folder.ts';
import type { TaskSteps } from '../task-steps.ts';

/** Time between two status requests to a miner, in ms; within its quota of 12 a minute. */
const STATUS_EVERY_MS = 6_000;

/** Measures the base model and follows the miners until the deadline block is finalised and its commitments recorded. */
export async function followTraining(
  services: ValidatorServices,
  steps: TaskSteps,
  request: TaskRequest,
): Promise<void> {
  const { chain, store, config, signal, logger } = services;
  const { deadlineBlock } = needSchedule(services, steps.taskId);
  const base = measureBase(services, steps, request);
  base.catch(() => {});
  let nextStatus = 0;
  for (;;) {
    signal.throwIfAborted();
    const recorded = store.commitments.cursor(config.netuid) ?? 0;
    if (chain.head.number >= deadlineBlock && recorded >= deadlineBlock) break;
    if (Date.now() >= nextStatus && chain.head.number < deadlineBlock) {
      nextStatus = Date.now() + STATUS_EVERY_MS;
      await pollStatus(services, steps.taskId);
    }
    await sleep(Math.max(100, Math.min(chain.blockTimeMs, 2_000)), signal);
  }
  logger.info({ taskId: steps.taskId, deadlineBlock }, 'deadline reached');
  await base;
}

async function pollStatus({ store, peer, signal, logger }: ValidatorServices, taskId: string): Promise<void> {
  const group = store.members.list(taskId).filter(({ answer }) => answer === 'accepted');
  await Promise.all(
    group.map(async (member) => {
      try {
        const status = await peer.status(member.hotkey, taskId, { signal });
        store.members.upsert({ ...member, status });
      } catch (error) {
        // A hint only: what counts is on the chain.
        logger.debug({ taskId, hotkey: member.hotkey, error: errorMessage(error) }, 'no status');
      }
    }),
  );
}

async function measureBase(services: ValidatorServices, steps: TaskSteps, request: TaskRequest): Promise<void> {
  await steps.once('base', async () => {
    const files = taskFolder(services.folder, steps.taskId);
    const { model } = steps.need('source');
    const outcome = await services.evaluations.run(
      {
        id: `base-${steps.taskId}`,
        root: files.evaluations,
        baseDir: await services.models.fetch(model, services.signal),
        submissionDir: undefined,
        expected: { baseRepo: model.repo, baseRevision: model.revision },
        sets: [
          { name: 'synthetic', rowsFile: files.synthetic },
          { name: 'test', rowsFile: files.test },
        ],
        datasetType: request.dataset_type,
        sequenceLen: sequenceLenOf(services, request),
      },
      services.signal,
    );
    services.logger.info(
      {
        taskId: steps.taskId,
        synthetic: outcome.sets['synthetic']?.summary.loss,
        test: outcome.sets['test']?.summary.loss,
      },
      'base model measured',
    );
    return outcome;
  });
}
