import { encodeCommitment } from '@tuning/protocol';
import { describe, expect, it } from 'vitest';
import { chooseSubmission } from '../src/submission-choice.ts';

const taskId = 'a'.repeat(16);
const record = (block: number, revision: string, hotkey = 'H') => ({
  hotkey,
  block,
  blockHash: `0x${block}`,
  text: encodeCommitment({
    kind: 'submission',
    taskId,
    repo: 'm/t',
    revision: revision.repeat(40),
    digest: 'f'.repeat(32),
  }),
});
const choose = (records: ReturnType<typeof record>[]) =>
  chooseSubmission({ taskId, hotkey: 'H', records, fromBlock: 10, deadlineBlock: 100 });

describe('chooseSubmission', () => {
  it('takes the last one up to the deadline block', () => {
    expect(choose([record(20, 'a'), record(100, 'b'), record(101, 'c')]).found).toMatchObject({
      revision: 'b'.repeat(40),
      block: 100,
    });
  });

  it('dates a repeated commitment by its first block, since a shared slot is written again for other tasks', () => {
    expect(choose([record(20, 'a'), record(30, 'a'), record(40, 'a')]).found?.block).toBe(20);
  });

  it('names a late one and an absent one', () => {
    expect(choose([record(101, 'a')]).verdict?.code).toBe('late_submission');
    expect(choose([]).verdict?.code).toBe('no_submission');
    expect(choose([record(50, 'a', 'OTHER')]).verdict?.code).toBe('no_submission');
    expect(choose([record(9, 'a')]).verdict?.code).toBe('no_submission');
  });

  it('ignores fields that are not commitments of ours', () => {
    const noise = { hotkey: 'H', block: 50, blockHash: '0x', text: `t1:${taskId}:broken` };
    expect(choose([record(20, 'a'), noise]).found?.block).toBe(20);
  });
});
