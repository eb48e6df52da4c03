import type { MinerConfig } from '@tuning/config';
import { datasetTypeLabel, type OfferAnswer, type TaskOffer } from '@tuning/protocol';
import { isWithinHours } from './hours-of-day.ts';
import { matchesModel } from './model-pattern.ts';

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

/** Accepts an offer by what it says, or names the reason why not. Pure, so that every rule has a test. */
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
  if (policy.deny_validators?.includes(validator.hotkey)) {
    return decline('validator_not_accepted', `${validator.hotkey} is on this miner's list of validators to decline`);
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
  if (policy.hours && !policy.hours.some((hours) => isWithinHours(hours, context.now))) {
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
  const { rows } = offer.dataset.file;
  if (policy.max_rows !== undefined && rows > policy.max_rows)
    return decline('too_large', `the train split has ${rows} rows, at most ${policy.max_rows} wanted`);
  if (policy.max_sequence_len !== undefined && offer.sequenceLen > policy.max_sequence_len) {
    return decline(
      'too_large',
      `sequences have ${offer.sequenceLen} tokens, at most ${policy.max_sequence_len} wanted`,
    );
  }
  if (policy.models && !matchesModel(policy.models, offer.model.repo))
    return decline('model_not_accepted', `${offer.model.repo} is not on this miner's list`);
  if (policy.deny_models && matchesModel(policy.deny_models, offer.model.repo))
    return decline('model_not_accepted', `${offer.model.repo} is on this miner's list of models to decline`);
  const type = datasetTypeLabel(offer.datasetType);
  if (policy.dataset_types && !policy.dataset_types.includes(type)) {
    return decline('dataset_type_not_accepted', `datasets of type ${type} are not on this miner's list`);
  }
  return { accept: true };
}
