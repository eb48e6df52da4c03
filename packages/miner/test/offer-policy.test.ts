import { describe, expect, it } from 'vitest';
import { decideOffer } from '../src/offer-policy.ts';
import { offer } from './temp-store.ts';

const policy = {
  min_blocks: 20,
  max_blocks: 1_000,
  max_queue: 2,
  max_dataset_mb: 1,
  max_model_gb: 1,
  min_validator_stake: 0,
  alpha_per_block: 0.41,
};
const validator = { hotkey: '5V', stakeAlpha: 10 };
const now = Date.UTC(2026, 0, 1, 23, 30);
const context = { netuid: 2, head: 90, openTasks: 0, draining: false, validator, now };

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

  it('keeps to rows and sequence lengths', () => {
    for (const own of [{ max_rows: 9 }, { max_sequence_len: 127 }])
      expect(decideOffer(offer, { ...policy, ...own }, context)).toMatchObject({ reason: 'too_large' });
    expect(decideOffer(offer, { ...policy, max_rows: 10, max_sequence_len: 128 }, context).accept).toBe(true);
  });

  it.each([
    ['demo/*', true],
    ['DEMO/tiny', true],
    ['*/t*y', true],
    ['*/*', true],
    ['demo/tin', false],
    ['demo/ti.y', false],
    ['dem*', false],
  ])('takes %s for its model: %s', (pattern, fits) => {
    expect(decideOffer(offer, { ...policy, models: [pattern] }, context).accept).toBe(fits);
    expect(decideOffer(offer, { ...policy, deny_models: ['x/y', pattern] }, context).accept).toBe(!fits);
  });

  it('keeps to its list of models', () => {
    expect(decideOffer(offer, { ...policy, models: ['demo/tiny'] }, context).accept).toBe(true);
    expect(decideOffer(offer, { ...policy, models: ['other/model'] }, context)).toMatchObject({
      reason: 'model_not_accepted',
    });
  });

  it('chooses whom it works for', () => {
    expect(decideOffer(offer, { ...policy, validators: ['5V'], min_validator_stake: 10 }, context).accept).toBe(true);
    for (const own of [{ validators: ['5W'] }, { min_validator_stake: 10.5 }, { deny_validators: ['5V'] }]) {
      expect(decideOffer(offer, { ...policy, ...own }, context)).toMatchObject({ reason: 'validator_not_accepted' });
    }
  });

  it('chooses types of datasets', () => {
    const ofType = (datasetType: typeof offer.datasetType, dataset_types: ('instruct' | 'chat' | 'custom')[]) =>
      decideOffer({ ...offer, datasetType }, { ...policy, dataset_types }, context);
    expect(ofType('instruct', ['instruct']).accept).toBe(true);
    expect(ofType({ field: 'text' } as never, ['custom']).accept).toBe(true);
    expect(ofType({ type: 'chat_template', field_messages: 'turns' }, ['chat']).accept).toBe(true);
    expect(ofType({ type: 'chat_template' }, ['custom'])).toMatchObject({ reason: 'dataset_type_not_accepted' });
    expect(ofType('alpaca', ['instruct', 'custom'])).toMatchObject({ reason: 'dataset_type_not_accepted' });
  });

  it.each([
    ['22-6', true],
    ['23-24', true],
    ['0-23', false],
    ['9-17', false],
    ['0-24', true],
  ])('at half past eleven at night is within %s: %s', (hours, accept) => {
    const answer = decideOffer(offer, { ...policy, hours: [hours] }, context);
    expect(answer.accept).toBe(accept);
    if (!answer.accept) expect(answer.reason).toBe('outside_hours');
  });
});
