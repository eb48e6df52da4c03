import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openValidatorStore } from '../src/index.ts';
import { temporaryFolder } from './temporary.ts';

async function open() {
  let time = 1_000;
  const store = await openValidatorStore(join(await temporaryFolder(), 'validator.db'), { now: () => time++ });
  onTestFinished(() => store.close());
  return store;
}

const TASK = '00112233445566ff';

describe('TaskRepository', () => {
  it('advances by compare-and-set and merges data', async () => {
    const { tasks } = await open();
    expect(tasks.insert({ id: TASK, request: { model: 'a/b' } })).toBe(true);
    expect(tasks.insert({ id: TASK, request: {} })).toBe(false);
    tasks.advance(TASK, 'preparing', 'offering', { seal: 's', drop: 1 });
    tasks.patch(TASK, { drop: undefined, block: 5 });
    expect(() => tasks.advance(TASK, 'preparing', 'offering')).toThrow(
      expect.objectContaining({ name: 'BadInputError', code: 'STORE_CONFLICT' }),
    );
    expect(() => tasks.patch('none', {})).toThrow(expect.objectContaining({ code: 'STORE_NOT_FOUND' }));
    expect(tasks.get(TASK)).toEqual({
      id: TASK,
      state: 'offering',
      request: { model: 'a/b' },
      data: { seal: 's', block: 5 },
      failure: null,
      createdAt: 1_000,
      updatedAt: 1_003,
    });
    tasks.fail(TASK, 'NO_MINERS', 'nobody accepted');
    tasks.fail(TASK, 'OTHER', 'later');
    expect(tasks.get(TASK)).toMatchObject({
      state: 'failed',
      failure: { code: 'NO_MINERS', message: 'nobody accepted' },
    });
    expect(tasks.list({ states: ['offering', 'failed'] })).toHaveLength(1);
  });
});

describe('parts of a task', () => {
  it('remembers the first result of a step', async () => {
    const { tasks, steps } = await open();
    tasks.insert({ id: TASK, request: {} });
    expect(steps.get(TASK, 'draw')).toBeUndefined();
    expect(steps.put(TASK, 'draw', { order: [1, 2] })).toEqual({ order: [1, 2] });
    expect(steps.put(TASK, 'draw', { order: [9] })).toEqual({ order: [1, 2] });
    steps.put(TASK, 'a', null);
    expect(steps.all(TASK)).toEqual({ a: null, draw: { order: [1, 2] } });
    expect(() => steps.put('ffffffffffffffff', 'draw', 1)).toThrow(
      expect.objectContaining({ code: 'STORE_NOT_FOUND' }),
    );
  });

  it('keeps members in draw order', async () => {
    const { tasks, members } = await open();
    tasks.insert({ id: TASK, request: {} });
    const member = {
      taskId: TASK,
      uid: 3,
      answer: 'pending' as const,
      reason: null,
      answeredBlock: null,
      status: null,
    };
    members.upsert({ ...member, hotkey: 'b', drawIndex: 1 });
    members.upsert({ ...member, hotkey: 'a', drawIndex: 0 });
    members.upsert({ ...member, hotkey: 'b', drawIndex: 1, answer: 'declined', reason: 'busy', status: { step: 1 } });
    expect(members.list(TASK)).toEqual([
      { ...member, hotkey: 'a', drawIndex: 0 },
      { ...member, hotkey: 'b', drawIndex: 1, answer: 'declined', reason: 'busy', status: { step: 1 } },
    ]);
  });

  it('replaces reported curves', async () => {
    const { tasks, curves } = await open();
    tasks.insert({ id: TASK, request: {} });
    const point = (step: number) => ({ step, epoch: 0, loss: 2, lr: 0.1, tokens: 5, ts: 7 });
    expect(curves.get(TASK, 'a')).toEqual([]);
    curves.put(TASK, 'a', [point(1)]);
    curves.put(TASK, 'a', [point(1), point(2)]);
    expect(curves.get(TASK, 'a')).toEqual([point(1), point(2)]);
    expect(() => curves.put('ffffffffffffffff', 'a', [])).toThrow(expect.objectContaining({ code: 'STORE_NOT_FOUND' }));
  });

  it('replaces scores and receipts', async () => {
    const { tasks, scores, receipts } = await open();
    tasks.insert({ id: TASK, request: {} });
    scores.put(TASK, 10, [{ hotkey: 'a', score: 0.5, work: 2 }]);
    scores.put(TASK, 12, [{ hotkey: 'b', score: 0.25, work: 2 }]);
    expect(scores.since(12)).toEqual([{ taskId: TASK, hotkey: 'b', score: 0.25, work: 2, block: 12 }]);
    expect(scores.since(13)).toEqual([]);
    receipts.put(TASK, { body: 1 });
    receipts.put(TASK, { body: 2 });
    expect(receipts.get(TASK)).toEqual({ body: 2 });
    expect(receipts.get('none')).toBeUndefined();
  });
});

describe('CommitmentRepository', () => {
  it('keeps the history of overwritten slots and finds a task in it', async () => {
    const { commitments } = await open();
    const first = `t1:${TASK}:a/one@x`;
    const second = `t1:${TASK}:a/two@x`;
    expect(commitments.cursor(7)).toBeUndefined();
    commitments.recordBlock(7, { number: 5, hash: '0x5' }, [{ hotkey: 'a', fields: ['noise', first] }]);
    commitments.recordBlock(7, { number: 6, hash: '0x6' }, []);
    commitments.recordBlock(7, { number: 9, hash: '0x9' }, [
      { hotkey: 'b', fields: [first] },
      { hotkey: 'a', fields: [second, 't1:ffffffffffffffff:other'] },
    ]);
    commitments.recordBlock(7, { number: 9, hash: '0x9' }, [{ hotkey: 'c', fields: [second] }]);
    expect(commitments.cursor(7)).toBe(9);
    expect(commitments.forTask(TASK)).toEqual([
      { hotkey: 'a', block: 5, blockHash: '0x5', text: first },
      { hotkey: 'b', block: 9, blockHash: '0x9', text: first },
      { hotkey: 'a', block: 9, blockHash: '0x9', text: second },
    ]);
    expect(commitments.latest(7, 'a')?.fields).toEqual([second, 't1:ffffffffffffffff:other']);
    expect(commitments.latest(8, 'a')).toBeUndefined();
  });

  it('is not stopped by a monstrous commitment', async () => {
    const { commitments } = await open();
    const fields = Array.from({ length: 100 }, () => '\ufffd\0"'.repeat(10_000));
    commitments.recordBlock(7, { number: 1, hash: '0x1' }, [{ hotkey: 'a', fields }]);
    const kept = commitments.latest(7, 'a')!.fields;
    expect(kept).toHaveLength(16);
    expect(kept[0]).toHaveLength(1024);
  });
});

describe('WeightSetRepository', () => {
  it('writes the intent first and finishes it once', async () => {
    const { weightSets } = await open();
    const set = { netuid: 7, decidedBlock: 40, weights: [{ hotkey: 'a', weight: 0.7 }], taskIds: [TASK] };
    const id = weightSets.intend(set);
    expect(weightSets.pending(7)).toMatchObject([{ ...set, id, state: 'intended', block: null }]);
    expect(weightSets.latest(7)).toBeUndefined();
    weightSets.finish(id, { state: 'included', block: 41, uids: [3], values: [65535] });
    expect(() => weightSets.finish(id, { state: 'failed' })).toThrow(
      expect.objectContaining({ code: 'STORE_CONFLICT' }),
    );
    expect(weightSets.pending(7)).toEqual([]);
    const failed = weightSets.intend({ ...set, taskIds: [TASK, TASK] });
    weightSets.finish(failed, { state: 'failed', error: 'outdated' });
    expect(weightSets.latest(7)).toMatchObject({ id, block: 41, uids: [3], values: [65535] });
    expect(weightSets.forTask(TASK).map((one) => one.id)).toEqual([id, failed]);
    expect(weightSets.forTask('ffffffffffffffff')).toEqual([]);
  });
});
