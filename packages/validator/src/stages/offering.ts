import { BadInputError, errorMessage, isTuningError, sleep, TuningError } from '@tuning/kit';
import type { TaskOffer, TaskRequest } from '@tuning/protocol';
import type { MemberRecord } from '@tuning/store';
import { buildOffer } from '../offer.ts';
import { MAX_WINDOWS, needSchedule, openWindow } from '../schedule.ts';
import type { ValidatorServices } from '../services.ts';
import type { TaskSteps } from '../task-steps.ts';

/** Wait before an unreachable miner is asked again, in ms. */
const ASK_AGAIN_MS = 1_500;

const STALE_VIEW = new Set(['PERMIT_NEEDED', 'NOT_REGISTERED']);

/**
 * Asks the drawn miners in order until the group is full; who declines is replaced by the next. Ends early when nobody is
 * left to ask. Where nobody accepted, another window opens after this one, up to MAX_WINDOWS.
 * @throws TuningError NO_MINERS when nobody accepted in any of them.
 */
export async function offerTask(services: ValidatorServices, steps: TaskSteps, request: TaskRequest): Promise<void> {
  const { chain, store, signal, logger } = services;
  const { taskId } = steps;
  if (steps.need('draw').order.length === 0) {
    throw new TuningError('NO_MINERS', 'no miner on this subnet serves an axon with a transport key');
  }
  for (;;) {
    await askInWindow(services, steps, request);
    if (store.members.list(taskId).some(({ answer }) => answer === 'accepted')) return;
    const { window, offerDeadlineBlock } = needSchedule(services, taskId);
    if (window >= MAX_WINDOWS) {
      throw new TuningError('NO_MINERS', `no miner accepted the task within ${window} offer windows`);
    }
    await chain.waitForBlock(offerDeadlineBlock + 1, { signal });
    for (const member of store.members.list(taskId)) store.members.upsert({ ...member, answer: 'pending' });
    const next = openWindow(services, taskId, request);
    logger.warn({ taskId, ...next }, 'nobody accepted; asking again in a new window');
  }
}

async function askInWindow(services: ValidatorServices, steps: TaskSteps, request: TaskRequest): Promise<void> {
  const { config, chain, store, signal } = services;
  const { taskId } = steps;
  const offer = buildOffer(services, steps, request);
  const { order } = steps.need('draw');
  const groupSize = request.group_size ?? config.tournament.group_size;
  // The drawn miners are known from the draw block; the directory that dials them may be older.
  await services.metagraph.refresh();
  services.peer.refresh();
  while (chain.head.number <= offer.offerDeadlineBlock) {
    const members = new Map(store.members.list(taskId).map((member) => [member.hotkey, member]));
    const accepted = [...members.values()].filter(({ answer }) => answer === 'accepted').length;
    const open = order.filter((hotkey) => isOpen(members.get(hotkey)));
    if (accepted >= groupSize || open.length === 0) return;

    const fresh = open.filter((hotkey) => !members.has(hotkey) || members.get(hotkey)?.answer === 'pending');
    const asked = (fresh.length > 0 ? fresh : open).slice(0, groupSize - accepted);
    await Promise.all(asked.map((hotkey) => askAndRecord(services, steps, hotkey, offer)));
    if (fresh.length === 0) await sleep(ASK_AGAIN_MS, signal);
  }
}

async function askAndRecord(
  services: ValidatorServices,
  steps: TaskSteps,
  hotkey: string,
  offer: TaskOffer,
): Promise<void> {
  const { taskId } = steps;
  const { order, eligible } = steps.need('draw');
  const uid = eligible.find((neuron) => neuron.hotkey === hotkey)?.uid ?? 0;
  const answer = await ask(services, hotkey, offer);
  const answeredBlock = services.chain.head.number;
  services.store.members.upsert({
    taskId,
    hotkey,
    uid,
    drawIndex: order.indexOf(hotkey),
    answeredBlock,
    status: null,
    ...answer,
  });
  services.logger.info({ taskId, hotkey, uid, ...answer }, 'offer answered');
}

function isOpen(member: MemberRecord | undefined): boolean {
  return member === undefined || member.answer === 'pending' || member.answer === 'unreachable';
}

async function ask(
  services: ValidatorServices,
  hotkey: string,
  offer: TaskOffer,
): Promise<Pick<MemberRecord, 'answer' | 'reason'>> {
  try {
    const answer = await services.peer.offer(hotkey, offer, { signal: services.signal });
    return answer.accept
      ? { answer: 'accepted', reason: null }
      : { answer: 'declined', reason: `${answer.reason}: ${answer.message}` };
  } catch (error) {
    services.signal.throwIfAborted();
    // A miner whose view of the metagraph is older than our registration or permit: it reads it again and knows us then.
    const stale = isTuningError(error) && STALE_VIEW.has(String(error.details['peerCode']));
    if (error instanceof BadInputError && !stale)
      return { answer: 'declined', reason: `${error.code}: ${error.message}` };
    const reason = isTuningError(error) ? `${error.code}: ${error.message}` : errorMessage(error);
    return { answer: 'unreachable', reason };
  }
}
