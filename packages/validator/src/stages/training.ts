import { errorMessage, sleep } from '@tuning/kit';
import { followCurve } from '../reported-curve.ts';
import { needSchedule } from '../schedule.ts';
import type { ValidatorServices } from '../services.ts';
import type { TaskSteps } from '../task-steps.ts';

/** Time between two status requests to a miner, in ms; within its quota of 12 a minute. */
const STATUS_EVERY_MS = 6_000;

/** Follows the miners until the deadline block is finalised and its commitments recorded. */
export async function followTraining(services: ValidatorServices, steps: TaskSteps): Promise<void> {
  const { chain, store, config, signal, logger } = services;
  const { deadlineBlock } = needSchedule(services, steps.taskId);
  let nextStatus = 0;
  /** Miners of an earlier release, which do not know the question. */
  const silent = new Set<string>();
  for (;;) {
    signal.throwIfAborted();
    const recorded = store.commitments.cursor(config.netuid) ?? 0;
    if (chain.head.number >= deadlineBlock && recorded >= deadlineBlock) break;
    if (Date.now() >= nextStatus && chain.head.number < deadlineBlock) {
      nextStatus = Date.now() + STATUS_EVERY_MS;
      await pollStatus(services, steps.taskId, silent);
    }
    await sleep(Math.max(100, Math.min(chain.blockTimeMs, 2_000)), signal);
  }
  logger.info({ taskId: steps.taskId, deadlineBlock }, 'deadline reached');
}

async function pollStatus(services: ValidatorServices, taskId: string, silent: Set<string>): Promise<void> {
  const { store, peer, signal, logger } = services;
  const group = store.members.list(taskId).filter(({ answer }) => answer === 'accepted');
  await Promise.all(
    group.map(async (member) => {
      try {
        const status = await peer.status(member.hotkey, taskId, { signal });
        store.members.upsert({ ...member, status });
        if (silent.has(member.hotkey)) return;
        if (!(await followCurve(services, taskId, member.hotkey, status))) silent.add(member.hotkey);
      } catch (error) {
        // A hint only: what counts is on the chain.
        logger.debug({ taskId, hotkey: member.hotkey, error: errorMessage(error) }, 'no status');
      }
    }),
  );
}
