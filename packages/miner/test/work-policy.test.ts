import type { MinerConfig } from '@tuning/config';
import { describe, expect, it } from 'vitest';
import { bytesOfJob } from '../src/disk-room.ts';
import { alphaPerGpuHour, expectedShare } from '../src/expected-pay.ts';
import type { OfferSurvey } from '../src/offer-survey.ts';
import { hoursOf, workOf } from '../src/work-estimate.ts';
import { decideWork } from '../src/work-policy.ts';

const survey: OfferSurvey = {
  modelBytes: 6e9,
  parameters: 3e9,
  workHours: 4,
  alphaPerGpuHour: 0.4,
};
const at = (hour: number) => Date.UTC(2026, 0, 1, hour, 30);
const decide = (policy: Partial<MinerConfig['policy']>, change: Partial<OfferSurvey> = {}, now = at(12)) =>
  decideWork({ ...survey, ...change }, { max_model_gb: 64, ...policy } as MinerConfig['policy'], now);

describe('decideWork', () => {
  it('declines what is too large or too long, and says by how much', () => {
    expect(decide({})).toEqual({ accept: true });
    expect(decide({ max_model_gb: 5 })).toMatchObject({ reason: 'too_large', message: /6000000000 bytes/ });
    expect(decide({ max_hours: 3 })).toMatchObject({
      reason: 'too_much_work',
      message: 'it would train about 4 h here, at most 3 h wanted',
    });
  });

  const profit = [
    { hours: '18-22', max_hours: 1 },
    { hours: '22-18', max_hours: 2 },
    { hours: '22-18', max_hours: 12, min_alpha_per_gpu_hour: 0.5 },
  ];
  it.each([
    ['short while power is dear', 19, 0.9, 0, true],
    ['long while power is dear', 19, 4, 9, 'too_much_work'],
    ['short at noon, whatever it pays', 12, 2, 0, true],
    ['long at noon, paid', 12, 4, 0.5, true],
    ['long at noon, not paid', 12, 4, 0.4, 'unprofitable'],
    ['longer than any rule', 12, 13, 9, 'too_much_work'],
  ])('with rules by hours: %s', (_, hour, workHours, pay, expected) => {
    const answer = decide({ profit }, { workHours, alphaPerGpuHour: pay }, at(hour));
    expect(answer.accept ? true : answer.reason).toBe(expected);
  });

  it('declines at an hour that no rule speaks of', () => {
    const answer = decide({ profit: [{ hours: '1-2' }] });
    expect(answer).toMatchObject({
      reason: 'too_much_work',
      message: 'no rule of this miner takes tasks at this hour',
    });
  });
});

describe('the estimate of the work', () => {
  const offer = { sequenceLen: 1_000, dataset: { file: { bytes: 4e6, rows: 10_000 } } } as Parameters<typeof workOf>[0];

  it('counts the tokens of all passes, or of the steps where they are fewer', () => {
    expect(workOf(offer, {}, 5)).toEqual({ parameters: 5, tokens: 1e6 });
    expect(workOf(offer, { num_epochs: 3 }, 5).tokens).toBe(3e6);
    const steps = { num_epochs: 3, max_steps: 10, micro_batch_size: 4, gradient_accumulation_steps: 2 };
    expect(workOf(offer, steps, 5).tokens).toBe(80 * 100);
    expect(workOf({ ...offer, sequenceLen: 50 }, {}, 5).tokens, 'rows that are cut').toBe(5e5);
  });

  it('is hours at the measured speed, the whole window without one, and never more', () => {
    const work = { parameters: 3e9, tokens: 3_600_000 };
    expect(hoursOf(work, 1_000, 10)).toBeCloseTo(3);
    expect(hoursOf(work, undefined, 10)).toBe(10);
    expect(hoursOf(work, 1, 10)).toBe(10);
  });
});

describe('the expected pay', () => {
  const neuron = (hotkey: string, incentive: number) => ({ hotkey, incentive }) as never;
  it('is the own share of the incentive, or that of one more', () => {
    const neurons = [neuron('a', 0.3), neuron('b', 0.1), neuron('c', 0)];
    expect(expectedShare({ neurons }, 'a')).toBeCloseTo(0.75);
    expect(expectedShare({ neurons }, 'c')).toBeCloseTo(1 / 3);
    expect(expectedShare({ neurons: [] }, 'c')).toBe(1);
  });

  it('is shared among open tasks and spread over GPU hours', () => {
    const facts = { share: 0.1, alphaPerBlock: 0.41, blocks: 1_000, openTasks: 2, workHours: 2, gpus: 0 };
    expect(alphaPerGpuHour(facts)).toBeCloseTo(10.25);
    expect(alphaPerGpuHour({ ...facts, gpus: 4 })).toBeCloseTo(10.25 / 4);
  });
});

it('a job takes less room where its model is cached or only an adapter is trained', () => {
  const job = { modelBytes: 1e9, missingBytes: 1e9, rowsBytes: 1e6, adapter: false };
  const bytes = bytesOfJob(job);
  expect(bytes).toBeGreaterThan(7e9);
  expect(bytesOfJob({ ...job, missingBytes: 0 })).toBeLessThan(bytes - 1e9);
  expect(bytesOfJob({ ...job, adapter: true })).toBeLessThan(3e9);
});
