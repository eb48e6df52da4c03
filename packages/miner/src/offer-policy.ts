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
  /** Who offers; that it holds a validator permit was checked before the offer was read. */
  validator: { hotkey: string /** Alpha staked to it on this subnet. */; stakeAlpha: number };
  /** Unix time in ms. */
  now: number;
}

const MIB = 1024 ** 2;

/** Accepts an offer or names the reason why not. Pure, so that every rule has a test. */
export function decideOffer(offer: TaskOffer, policy: MinerConfig['policy'], context: OfferContext): OfferAnswer {
  const decline = (reason: Extract<OfferAnswer, { accept: false }>['reason'], message: string): OfferAnswer => ({
    accept: false,
    reason,
    message,
  });
  const { validator, head } = context;
  if (offer.netuid !== context.netuid) return decline('wrong_netuid', `this miner works on netuid ${context.netuid}`);
  if (context.draining) return decline('draining', 'this miner is stopping');
  if (policy.validators && !policy.validators.includes(validator.hotkey)) {
    return decline('validator_not_accepted', `${validator.hotkey} is not on this miner's list of validators`);
  }
  if (validator.stakeAlpha < policy.min_validator_stake) {
    return decline(
      'validator_not_accepted',
      `${validator.hotkey} has ${validator.stakeAlpha} alpha of stake, at least ${policy.min_validator_stake} wanted`,
    );
  }
  if (head > offer.offerDeadlineBlock) {
    return decline('offer_expired', `the offer ended at block ${offer.offerDeadlineBlock}, the head is ${head}`);
  }
  if (policy.hours && !policy.hours.some((hours) => isWithin(hours, context.now))) {
    return decline('outside_hours', `this miner takes offers at ${policy.hours.join(', ')} o'clock UTC`);
  }
  const blocks = offer.deadlineBlock - head;
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
  const type = typeof offer.datasetType === 'string' ? offer.datasetType : 'custom';
  if (policy.dataset_types && !policy.dataset_types.includes(type)) {
    return decline('dataset_type_not_accepted', `datasets of type ${type} are not on this miner's list`);
  }
  return { accept: true };
}

/** Whether a time is within hours such as `9-17` or, over midnight, `22-6`; the last hour is not part of them. */
function isWithin(hours: string, now: number): boolean {
  const [from = 0, to = 24] = hours.split('-').map(Number);
  const hour = new Date(now).getUTCHours();
  return from < to ? hour >= from && hour < to : hour >= from || hour < to;
}
