import type { TaskRequest } from '@tuning/protocol';
import { z } from 'zod';
import type { ValidatorServices } from './services.ts';

const block = z.number().int().min(0);
const scheduleSchema = z.object({
  /** Offer windows opened so far; the next one opens only when nobody accepted in the last. */
  window: z.number().int().min(1),
  /** The finalised block up to which an answer to the offer counts. */
  offerDeadlineBlock: block,
  /** The last block in which a submission's commitment counts. */
  deadlineBlock: block,
});
export type Schedule = z.infer<typeof scheduleSchema>;

/** Windows in which miners are asked before a task fails. */
export const MAX_WINDOWS = 4;

type Scheduling = Pick<ValidatorServices, 'store' | 'chain' | 'config'>;

/** The blocks of a task, or undefined before its miners are drawn. */
export function scheduleOf({ store }: Pick<Scheduling, 'store'>, taskId: string): Schedule | undefined {
  const value = store.tasks.get(taskId)?.data['schedule'];
  return value === undefined ? undefined : scheduleSchema.parse(value);
}

/** @throws Error before the miners are drawn; for states that come after. */
export function needSchedule(services: Pick<Scheduling, 'store'>, taskId: string): Schedule {
  const schedule = scheduleOf(services, taskId);
  if (!schedule) throw new Error(`task ${taskId} has no schedule yet`);
  return schedule;
}

/** Opens the next offer window, counted from the finalised head. Once a miner has accepted, the blocks stay as they are. */
export function openWindow(services: Scheduling, taskId: string, request: TaskRequest): Schedule {
  const { chain, config, store } = services;
  const offerDeadlineBlock = chain.head.number + config.tournament.offer_blocks;
  const blocks = request.training_blocks ?? config.tournament.training_blocks;
  const window = (scheduleOf(services, taskId)?.window ?? 0) + 1;
  const schedule = { window, offerDeadlineBlock, deadlineBlock: offerDeadlineBlock + blocks };
  store.tasks.patch(taskId, { schedule });
  return schedule;
}
