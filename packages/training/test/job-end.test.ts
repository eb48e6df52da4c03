import type { JobResult } from '@tuning/runner';
import { expect, it } from 'vitest';
import { Backoff } from '../src/backoff.ts';
import { judgeError, judgeResult } from '../src/job-end.ts';
import { summarise } from '../src/outcome.ts';

const result = (more: Partial<JobResult>): JobResult => ({
  outcome: 'failed',
  exitCode: 1,
  logTail: '',
  startedAt: 0,
  endedAt: 1,
  peakRssBytes: 0,
  ...more,
});
const trained = summarise('/model', []);

it('counts only what may be the fault of the job', () => {
  expect(judgeResult(result({ outcome: 'completed', exitCode: 0 }), 2, trained)).toMatchObject({ kind: 'Completed' });
  expect(judgeResult(result({}), 1, undefined)).toMatchObject({ kind: 'retry', countAttempt: true });
  expect(judgeResult(result({}), 2, undefined)).toMatchObject({ kind: 'Failed' });
  // A model of an earlier run does not make a crash a success.
  expect(judgeResult(result({}), 2, trained)).toMatchObject({ kind: 'Failed' });
  for (const interrupted of [
    result({ outcome: 'lost', exitCode: null }),
    result({ outcome: 'stopped', exitCode: 143 }),
    result({ exitCode: 143 }),
  ]) {
    expect(judgeResult(interrupted, 2, trained)).toMatchObject({ kind: 'retry', countAttempt: false });
  }
  expect(judgeError(new Error('disk'), 2)).toMatchObject({ kind: 'Failed' });
});

it('keeps an error readable however much the trainer printed', () => {
  const end = judgeResult(result({ exitCode: 2, logTail: `${'x'.repeat(8_000)} the end` }), 0, undefined);
  expect(end).toMatchObject({ kind: 'Failed', error: expect.stringMatching(/^.{1,1100} the end$/) });
});

it('summarises a run without a curve as such', () => {
  expect(trained).toEqual({
    modelDir: '/model',
    steps: 0,
    finalLoss: null,
    curve: { points: 0, firstLoss: null, lowestLoss: null, tokens: 0 },
  });
});

it('waits longer after each failure, up to a minute', () => {
  const backoff = new Backoff();
  expect(backoff.waiting(0)).toEqual({ ids: [], next: undefined });
  const waits = Array.from({ length: 8 }, () => {
    backoff.delay('a', 0);
    return backoff.waiting(0).next;
  });
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  expect(backoff.waiting(60_000)).toEqual({ ids: [], next: undefined });
  backoff.forget('a');
  backoff.delay('a', 0);
  expect(backoff.waiting(0)).toEqual({ ids: ['a'], next: 1_000 });
});
