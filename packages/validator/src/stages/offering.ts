import { BadInputError, errorMessage, isTuningError, sleep, TuningError } from '@tuning/kit';
import type { TaskOffer, TaskRequest } from '@tuning/protocol';
import type { MemberRecord } from '@tuning/store';
import { buildOffer } from '../offer.ts';
import type { ValidatorServices } from '../services.ts';
import type { TaskSteps } from '../task-steps.ts';

/** Wait before an unreachable miner is asked again, in ms. */
const ASK_AGAIN_MS = 1_500;

const STALE_VIEW = new Set(['PERMIT_NEEDED', 'NOT_REGISTERED']);

/**
 * Asks the drawn miners in order until the group is full; who declines is replaced by the next. Ends early when nobody is
 * left to ask. @throws TuningError NO_MINERS when nobody accepted within the window.
 */
export async function offerTask(services: ValidatorServices, steps: TaskSteps, request: TaskRequest): Promise<void> {
  const { config, chain, store, signal, logger } = services;
  const { taskId } = steps;
  const offer = buildOffer(services, steps, request);
  const { order, eligible } = steps.need('draw');
  const uids = new Map(eligible.map(({ hotkey, uid }) => [hotkey, uid]));
  // The drawn miners are known from the draw block; the directory that dials them may be older.
  await services.metagraph.refresh();
  services.peer.refresh();
  const groupSize = request.group_size ?? config.tournament.group_size;

  for (;;) {
    const members = new Map(store.members.list(taskId).map((member) => [member.hotkey, member]));
    const accepted = [...members.values()].filter(({ answer }) => answer === 'accepted').length;
    const open = order.filter((hotkey) => isOpen(members.get(hotkey)));
    if (accepted >= groupSize || open.length === 0 || chain.head.number > offer.offerDeadlineBlock) break;

    const fresh = open.filter((hotkey) => !members.has(hotkey) || members.get(hotkey)?.answer === 'pending');
    const asked = (fresh.length > 0 ? fresh : open).slice(0, groupSize - accepted);
    await Promise.all(
      asked.map(async (hotkey) => {
        const drawIndex = order.indexOf(hotkey);
        const answer = await ask(services, hotkey, offer);
        store.members.upsert({
          taskId,
          hotkey,
          uid: uids.get(hotkey) ?? 0,
          drawIndex,
          answeredBlock: chain.head.number,
          status: null,
          ...answer,
        });
        logger.info(
          { taskId, hotkey, uid: uids.get(hotkey), answer: answer.answer, reason: answer.reason },
          'offer answered',
        );
      }),
    );
    if (fresh.length === 0) await sleep(ASK_AGAIN_MS, signal);
  }
  if (!store.members.list(taskId).some(({ answer }) => answer === 'accepted')) {
    throw new TuningError(
      'NO_MINERS',
      order.length === 0
        ? 'no miner on this subnet serves an axon with a transport key'
        : 'no miner accepted the task within the offer window',
    );
  }
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
    if (error instanceof BadInputError && !stale) return { answer: 'declined', reason: `${error.code}: ${error.message}` };
    const reason = isTuningError(error) ? `${error.code}: ${error.message}` : errorMessage(error);
    return { answer: 'unreachable', reason };
  }
}
