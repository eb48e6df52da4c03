import type { MinerConfig } from '@tuning/config';
import type { OfferAnswer, TaskOffer } from '@tuning/protocol';

/** What a decision depends on beside the offer. */
export interface OfferContext {
  netuid: number;
  /** Finalised head. */
  head: number;
  /** Tasks accepted and not yet ended. */
  openTasks: number;
  draining: boolean;
}

const MIB = 1024 ** 2;

/** Accepts an offer or names the reason why not. Pure, so that every rule has a test. */
export function decideOffer(offer: TaskOffer, policy: MinerConfig['policy'], context: OfferContext): OfferAnswer {
  const decline = (reason: Extract<OfferAnswer, { accept: false }>['reason'], message: string): OfferAnswer => ({
    accept: false,
    reason,
    message,
  });
  if (offer.netuid !== context.netuid) return decline('wrong_netuid', `this miner works on netuid ${context.netuid}`);
  if (context.draining) return decline('draining', 'this miner is stopping');
  if (context.head > offer.offerDeadlineBlock) {
    return decline(
      'offer_expired',
      `the offer ended at block ${offer.offerDeadlineBlock}, the head is ${context.head}`,
    );
  }
  const blocks = offer.deadlineBlock - context.head;
  if (blocks < policy.min_blocks)
    return decline('too_little_time', `${blocks} blocks to the deadline, at least ${policy.min_blocks} wanted`);
  if (blocks > policy.max_blocks) {
    return decline('too_much_time', `${blocks} blocks to the deadline, at most ${policy.max_blocks} wanted`);
  }
  if (context.openTasks >= policy.max_queue) return decline('busy', `${context.openTasks} tasks are open already`);
  if (offer.dataset.file.bytes > policy.max_dataset_mb * MIB) {
    return decline(
      'too_large',
      `the train split has ${offer.dataset.file.bytes} bytes, at most ${policy.max_dataset_mb} MiB wanted`,
    );
  }
  if (policy.models && !policy.models.includes(offer.model.repo))
    return decline('model_not_accepted', `${offer.model.repo} is not on this miner's list`);
  return { accept: true };
}
