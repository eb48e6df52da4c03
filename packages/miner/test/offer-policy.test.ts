import { describe, expect, it } from 'vitest';
import { decideOffer } from '../src/offer-policy.ts';
import { offer } from './temp-store.ts';

const policy = { min_blocks: 20, max_blocks: 1_000, max_queue: 2, max_dataset_mb: 1, max_model_gb: 1 };
const context = { netuid: 2, head: 90, openTasks: 0, draining: false };

describe('decideOffer', () => {
  it('accepts what fits', () => {
    expect(decideOffer(offer, policy, context)).toEqual({ accept: true });
  });

  it.each([
    ['wrong_netuid', {}, { netuid: 3 }],
    ['draining', {}, { draining: true }],
    ['offer_expired', {}, { head: 101 }],
    ['too_little_time', { deadlineBlock: 105 }, {}],
    ['too_much_time', { deadlineBlock: 1_091 }, {}],
    ['busy', {}, { openTasks: 2 }],
    ['too_large', { dataset: { ...offer.dataset, file: { ...offer.dataset.file, bytes: 2 ** 21 } } }, {}],
  ] as const)('declines with %s', (reason, change, situation) => {
    const answer = decideOffer({ ...offer, ...change }, policy, { ...context, ...situation });
    expect(answer).toMatchObject({ accept: false, reason });
  });

  it('keeps to its list of models', () => {
    expect(decideOffer(offer, { ...policy, models: ['demo/tiny'] }, context).accept).toBe(true);
    expect(decideOffer(offer, { ...policy, models: ['other/model'] }, context)).toMatchObject({
      reason: 'model_not_accepted',
    });
  });
});
