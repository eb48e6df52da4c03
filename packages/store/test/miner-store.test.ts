import { join } from 'node:path';
import type { TaskOffer } from '@tuning/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openMinerStore } from '../src/index.ts';
import { temporaryFolder } from './temporary.ts';

async function open() {
  let time = 1_000;
  const store = await openMinerStore(join(await temporaryFolder(), 'miner.db'), { now: () => time++ });
  onTestFinished(() => store.close());
  return store;
}

const job = (id: string, more: object = {}) => ({ id, kind: 'task' as const, payload: { id }, ...more });

describe('JobRepository', () => {
  it('keeps a job as given, once', async () => {
    const { jobs } = await open();
    expect(jobs.insert(job('a', { priority: 0.5, deadlineBlock: 70 }))).toBe(true);
    expect(jobs.insert(job('a', { payload: 'other' }))).toBe(false);
    expect(jobs.get('a')).toEqual({
      id: 'a',
      kind: 'task',
      state: 'Queued',
      payload: { id: 'a' },
      priority: 0.5,
      deadlineBlock: 70,
      attempts: 0,
      progress: null,
      result: null,
      error: null,
      createdAt: 1_000,
      startedAt: null,
      endedAt: null,
    });
    expect(jobs.get('b')).toBeUndefined();
  });

  it('claims by priority, then deadline, then age', async () => {
    const { jobs } = await open();
    jobs.insert(job('old'));
    jobs.insert(job('late', { deadlineBlock: 20 }));
    jobs.insert(job('soon', { deadlineBlock: 10 }));
    jobs.insert(job('urgent', { priority: 1 }));
    jobs.insert(job('young'));
    const order = Array.from({ length: 6 }, () => jobs.claim(5)?.id);
    expect(order).toEqual(['urgent', 'soon', 'late', 'old', 'young', undefined]);
    expect(jobs.list({ states: ['Running'] })).toHaveLength(5);
    expect(jobs.get('soon')?.startedAt).toBe(5);
  });

  it('passes over the jobs it is told to', async () => {
    const { jobs } = await open();
    jobs.insert(job('a'));
    jobs.insert(job('b'));
    expect(jobs.claim(1, { except: ['a'] })?.id).toBe('b');
    expect(jobs.claim(1, { except: ['a'] })).toBeUndefined();
    expect(jobs.claim(1)?.id).toBe('a');
  });

  it('moves only along allowed transitions', async () => {
    const { jobs } = await open();
    jobs.insert(job('a'));
    expect(jobs.finish('a', 'Completed', { result: 1 })).toBe(false);
    expect(jobs.setProgress('a', { step: 1 })).toBe(false);
    expect(jobs.requeue('a')).toBe(false);
    jobs.claim(1);
    expect(jobs.setProgress('a', { step: 1 })).toBe(true);
    expect(jobs.requeue('a', 'crashed')).toBe(true);
    expect(jobs.get('a')).toMatchObject({ state: 'Queued', attempts: 1, error: 'crashed', progress: { step: 1 } });
    jobs.claim(2);
    expect(jobs.requeue('a', undefined, { countAttempt: false })).toBe(true);
    expect(jobs.get('a')).toMatchObject({ attempts: 1, error: null, startedAt: 1 });
    jobs.claim(3);
    expect(jobs.finish('a', 'Completed', { result: { ok: true } })).toBe(true);
    expect(jobs.finish('a', 'Failed', { error: 'no' })).toBe(false);
    expect(jobs.get('a')).toMatchObject({ state: 'Completed', result: { ok: true }, error: null });
    jobs.insert(job('b'));
    expect(jobs.finish('b', 'Cancelled')).toBe(true);
    expect(jobs.finish('unknown', 'Cancelled')).toBe(false);
  });

  it('lists by age in either direction, with a limit', async () => {
    const { jobs } = await open();
    for (const id of ['a', 'b', 'c']) jobs.insert(job(id));
    expect(jobs.list().map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(jobs.list({ order: 'newest', limit: 2 }).map(({ id }) => id)).toEqual(['c', 'b']);
    expect(jobs.list({ states: [] })).toEqual([]);
  });

  it('refuses a value that is no JSON or too large', async () => {
    const { jobs } = await open();
    expect(() => jobs.insert(job('a', { payload: undefined }))).toThrow('not a JSON value');
    expect(() => jobs.insert(job('a', { payload: 'x'.repeat(9 * 1024 ** 2) }))).toThrow('keep it in a file');
  });
});

const offer: TaskOffer = {
  taskId: '00112233445566ff',
  netuid: 2,
  model: { repo: 'a/base', revision: 'a'.repeat(40) },
  dataset: {
    repo: 'a/data',
    revision: 'b'.repeat(40),
    file: { path: 'train.jsonl', sha256: 'c'.repeat(64), bytes: 10, rows: 2 },
  },
  datasetType: 'alpaca',
  promptFormat: 'axolotl-2024-10',
  sequenceLen: 512,
  seal: 'd'.repeat(64),
  offerDeadlineBlock: 10,
  deadlineBlock: 50,
  maxModelBytes: 1000,
};

describe('AssignmentRepository', () => {
  it('carries a task from queued to published', async () => {
    const { assignments } = await open();
    const fresh = { taskId: offer.taskId, validator: 'hk', offer, jobId: 'j' };
    expect(assignments.insert(fresh)).toBe(true);
    expect(assignments.insert({ ...fresh, jobId: 'k' })).toBe(false);
    expect(assignments.get(offer.taskId)).toMatchObject({ ...fresh, state: 'queued', repo: null, commitBlock: null });
    assignments.update(offer.taskId, { state: 'publishing', repo: 'me/model' });
    assignments.update(offer.taskId, { state: 'committed', commitBlock: 44 });
    expect(assignments.get(offer.taskId)).toMatchObject({ state: 'committed', repo: 'me/model', commitBlock: 44 });
    expect(assignments.list({ states: ['committed'] })).toHaveLength(1);
    expect(assignments.list({ states: ['queued'] })).toEqual([]);
    expect(() => assignments.update('nope', {})).toThrow('not among the assignments');
  });

  it('writes several aggregates in one transaction', async () => {
    const store = await open();
    expect(() =>
      store.transaction(() => {
        store.jobs.insert(job('a'));
        store.assignments.update('unknown', {});
      }),
    ).toThrow('not among');
    expect(store.jobs.get('a')).toBeUndefined();
  });
});
