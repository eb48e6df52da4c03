import { PROMPT_FORMAT, type TaskOffer } from '@tuning/protocol';
import { describe, expect, it } from 'vitest';
import { decideOffer } from '../src/offer-policy.ts';

const hex = (length: number) => 'a'.repeat(length);
const offer: TaskOffer = {
  taskId: hex(16),
  netuid: 2,
  model: { repo: 'demo/tiny', revision: hex(40) },
  dataset: {
    repo: 'v/tuning-x',
    revision: hex(40),
    file: { path: 'data/train.jsonl', sha256: hex(64), bytes: 1_000, rows: 10 },
  },
  datasetType: 'alpaca',
  promptFormat: PROMPT_FORMAT,
  sequenceLen: 128,
  seal: hex(64),
  offerDeadlineBlock: 100,
  deadlineBlock: 200,
  maxModelBytes: 1,
};
const policy = { min_blocks: 20, max_queue: 2, max_dataset_mb: 1, models: undefined };
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
