import { type Logger, silentLogger } from '@tuning/kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { taskJobId } from '../src/job-payload.ts';
import { type JobView, viewJobs } from '../src/job-view.ts';
import { ProgressLog } from '../src/job-watch.ts';
import { offer, openTempStore } from './temp-store.ts';

let opened: Awaited<ReturnType<typeof openTempStore>>;
beforeEach(async () => {
  opened = await openTempStore();
});
afterEach(() => opened.remove());

describe('viewJobs', () => {
  it('shows what trains and what is on its way to the chain, and counts what waits', () => {
    const { jobs, assignments } = opened.store;
    const progress = { step: 3, totalSteps: 9, loss: 1.5, epoch: 0, at: 1, tokensPerSecond: 100, etaMs: 600 };
    const [running, pushing] = [offer, { ...offer, taskId: 'b'.repeat(16) }];
    for (const own of [running, pushing]) {
      const { taskId, deadlineBlock } = own;
      jobs.insert({ id: taskJobId(taskId), kind: 'task', payload: { kind: 'task', taskId }, deadlineBlock });
      assignments.insert({ taskId, validator: 'V', offer: own, jobId: taskJobId(taskId) });
    }
    expect(viewJobs(opened.store, 90)).toEqual({ jobs: [], queued: 2 });
    jobs.claim(1);
    const shown = { id: taskJobId(running.taskId), model: 'demo/tiny', blocksLeft: 110 };
    expect(viewJobs(opened.store, 90)).toEqual({ jobs: [{ ...shown, state: 'preparing' }], queued: 1 });
    jobs.setProgress(shown.id, progress);
    assignments.update(pushing.taskId, { state: 'committing' });
    const { epoch, at, ...told } = progress;
    expect(viewJobs(opened.store, 250).jobs).toEqual([
      { ...shown, state: 'training', ...told, blocksLeft: 0 },
      { id: taskJobId(pushing.taskId), model: 'demo/tiny', state: 'committing', blocksLeft: 0 },
    ]);
  });
});

describe('the progress in the log', () => {
  const training = (step: number): JobView => ({ id: 'j', model: 'a/b', state: 'training', step, totalSteps: 1_000 });

  it('has a line for each tenth, and one a minute where a tenth takes longer', () => {
    const told: unknown[] = [];
    const logger: Logger = {
      ...silentLogger,
      info: (facts: object | string) => void told.push((facts as JobView).step),
    };
    const log = new ProgressLog(logger);
    log.note([{ id: 'j', model: 'a/b', state: 'preparing' }], 0);
    for (let step = 1; step <= 300; step += 1) log.note([training(step)], step * 100);
    expect(told).toEqual([1, 100, 200, 300]);
    log.note([training(300)], 150_000);
    expect(told, 'nothing new').toHaveLength(4);
    log.note([training(301)], 150_000);
    expect(told.at(-1)).toBe(301);
  });
});
