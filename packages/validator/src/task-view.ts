import type { Receipt } from '@tuning/protocol';
import type { TaskRecord } from '@tuning/store';
import { describeCurve } from './reported-curve.ts';
import { scheduleOf } from './schedule.ts';
import type { ValidatorServices } from './services.ts';
import { TaskSteps } from './task-steps.ts';

/** What `GET /tasks/:id` answers. Nothing here tells the seed, a test row or a synthetic row before the deadline. */
export function describeTask(services: ValidatorServices, task: TaskRecord): object {
  const { store, chain } = services;
  const steps = new TaskSteps(store.steps, task.id);
  const schedule = scheduleOf(services, task.id);
  const split = steps.peek('split');
  const receipt = store.receipts.get(task.id) as Receipt | undefined;
  const base = steps.peek('base');
  const over = ['weighing', 'done'].includes(task.state);
  const weightSet = store.weightSets.forTask(task.id).findLast(({ state }) => state === 'included');
  return {
    task_id: task.id,
    state: task.state,
    request: task.request,
    failure: task.failure,
    block: chain.head.number,
    offer_deadline_block: schedule?.offerDeadlineBlock ?? null,
    deadline_block: schedule?.deadlineBlock ?? null,
    seal: split?.seal ?? null,
    rows: split?.rows ?? null,
    synthetic: split?.synthesis
      ? { account: split.synthesis.account, quality: over ? split.synthesis.quality : null }
      : null,
    group: store.members.list(task.id).map(({ hotkey, uid, answer, reason, status }) => ({
      ...{ hotkey, uid, answer, reason, status },
      curve: describeCurve(store.curves.get(task.id, hotkey)),
    })),
    base: base && over ? { synthetic: base.sets['synthetic']?.summary, test: base.sets['test']?.summary } : null,
    losses:
      receipt?.body.entries.map((entry) => ({
        hotkey: entry.hotkey,
        uid: entry.uid,
        verdict: entry.verdict,
        synthetic: entry.synthetic?.summary ?? null,
        test: entry.test?.summary ?? null,
        passed_gate: entry.passedGate,
        rank: entry.rank ?? null,
        score: entry.score,
        submission: entry.submission ?? null,
      })) ?? null,
    winner: winnerOf(receipt),
    weights: weightSet
      ? {
          block: weightSet.block,
          decided_block: weightSet.decidedBlock,
          uids: weightSet.uids,
          values: weightSet.values,
          shares: weightSet.weights,
        }
      : null,
    created_at: task.createdAt,
    updated_at: task.updatedAt,
  };
}

function winnerOf(receipt: Receipt | undefined): object | null {
  const entry = receipt?.body.entries.find(({ rank }) => rank === 1);
  if (!entry?.submission) return null;
  return {
    hotkey: entry.hotkey,
    uid: entry.uid,
    repo: entry.submission.repo,
    revision: entry.submission.revision,
    test_loss: entry.test?.summary.loss ?? null,
  };
}
