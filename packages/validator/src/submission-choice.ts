import { parseCommitment, type SubmissionCommitment } from '@tuning/protocol';
import type { CommitmentRecord } from '@tuning/store';
import type { MemberStepValue } from './task-steps.ts';

/**
 * Which submission of a hotkey counts: the last one in a block up to the deadline. Its block is the first in which that
 * very commitment appeared, because a miner repeats it when it shares its slot with another task.
 */
export function chooseSubmission(args: {
  taskId: string;
  hotkey: string;
  /** Recorded fields of this task, oldest first. */
  records: readonly CommitmentRecord[];
  /** Blocks before this one can't hold a submission. */
  fromBlock: number;
  deadlineBlock: number;
}): MemberStepValue<'submission'> {
  const own = args.records
    .filter(({ hotkey, block }) => hotkey === args.hotkey && block >= args.fromBlock)
    .map((record) => ({ record, commitment: parseCommitment(record.text) }))
    .filter(
      (item): item is { record: CommitmentRecord; commitment: SubmissionCommitment } =>
        item.commitment?.kind === 'submission',
    )
    .filter(({ commitment }) => commitment.taskId === args.taskId);
  const inTime = own.filter(({ record }) => record.block <= args.deadlineBlock);
  const last = inTime.at(-1);
  if (last) {
    const first = inTime.find(({ record }) => record.text === last.record.text) ?? last;
    const { repo, revision, digest } = last.commitment;
    return { found: { repo, revision, digest, block: first.record.block } };
  }
  const late = own[0];
  return {
    verdict: late
      ? {
          code: 'late_submission',
          reason: `the commitment came in block ${late.record.block}, the deadline was block ${args.deadlineBlock}`,
        }
      : { code: 'no_submission', reason: `no commitment for this task up to the deadline block ${args.deadlineBlock}` },
  };
}
