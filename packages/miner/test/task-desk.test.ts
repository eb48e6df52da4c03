import type { MinerConfig } from '@tuning/config';
import { BadInputError, silentLogger, sleep, TransientError } from '@tuning/kit';
import type { DirectoryEntry } from '@tuning/p2p';
import type { TaskOffer } from '@tuning/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { taskJobId } from '../src/job-payload.ts';
import type { OfferSurvey } from '../src/offer-survey.ts';
import { TaskDesk } from '../src/task-desk.ts';
import { FakeChain } from './fake-chain.ts';
import { FakeWorker } from './fake-worker.ts';
import { offer, openTempStore } from './temp-store.ts';

const { taskId } = offer;
const validator = (hotkey: string): DirectoryEntry => ({
  hotkey,
  host: undefined,
  port: 0,
  publicKey: new Uint8Array(32),
  permit: true,
});
const [v, other] = [validator('V'), validator('OTHER')];

const survey: OfferSurvey = {
  modelBytes: 1_000,
  parameters: 250,
  workHours: 1,
  alphaPerGpuHour: 1,
};

let look: (offered: TaskOffer, openTasks: number) => OfferSurvey | Promise<OfferSurvey>;
/** What the book of room answers, with the bytes of the rows. */
let lack: string | undefined;
let worker: FakeWorker;
let desk: TaskDesk;
let opened: Awaited<ReturnType<typeof openTempStore>>;
beforeEach(async () => {
  opened = await openTempStore();
  worker = new FakeWorker();
  look = () => survey;
  lack = undefined;
  const policy = {
    min_blocks: 20,
    max_blocks: 1_000,
    max_queue: 2,
    max_dataset_mb: 1,
    max_model_gb: 1,
    min_validator_stake: 0,
    alpha_per_block: 0.41,
  };
  desk = new TaskDesk({
    store: opened.store,
    worker: worker.asWorker(),
    chain: new FakeChain(90).asChain(),
    config: { netuid: 2, policy } as MinerConfig,
    logger: silentLogger,
    stakeAlphaOf: () => 5,
    survey: async (offered, openTasks) => look(offered, openTasks),
    room: { admit: async (needs, enter) => (lack ? { lack: `${lack} ${needs.rowsBytes}` } : { entered: enter() }) },
  });
});
afterEach(() => opened.remove());

const assignment = (id = taskId) => opened.store.assignments.get(id);
const jobs = () => opened.store.jobs.list();

describe('an offer', () => {
  it('that fits becomes one assignment and one job, and the worker is told', async () => {
    expect(await desk.onOffer(v, offer)).toEqual({ accept: true });
    expect(assignment()).toMatchObject({ validator: 'V', state: 'queued', jobId: taskJobId(taskId), offer });
    expect(jobs()).toMatchObject([{ id: taskJobId(taskId), kind: 'task', deadlineBlock: 200, state: 'Queued' }]);
    expect(worker.wakes).toBe(1);
  });

  it('asked again by the same validator is accepted again, without a second job', async () => {
    await desk.onOffer(v, offer);
    expect(await desk.onOffer(v, offer)).toEqual({ accept: true });
    expect(jobs()).toHaveLength(1);
  });

  it('asked again is accepted even by a miner that is busy or draining by now', async () => {
    await desk.onOffer(v, offer);
    await desk.onOffer(v, { ...offer, taskId: 'b'.repeat(16) });
    expect(await desk.onOffer(v, { ...offer, taskId: 'c'.repeat(16) })).toMatchObject({
      accept: false,
      reason: 'busy',
    });
    desk.draining = true;
    expect(await desk.onOffer(v, offer)).toEqual({ accept: true });
  });

  it('asked again in a later window has the later blocks', async () => {
    await desk.onOffer(v, offer);
    await desk.onOffer(v, { ...offer, offerDeadlineBlock: 150, deadlineBlock: 250 });
    expect(assignment()?.offer.deadlineBlock).toBe(250);
    desk.dropExpired(201);
    expect(assignment()?.state).toBe('queued');
  });

  it('asked again with anything else changed is declined and changes nothing', async () => {
    await desk.onOffer(v, offer);
    const answer = await desk.onOffer(v, { ...offer, sequenceLen: offer.sequenceLen + 1 });
    expect(answer).toMatchObject({ accept: false, reason: 'internal' });
    expect(assignment()?.offer).toEqual(offer);
  });

  it('with the id of another validator’s task is declined and changes nothing', async () => {
    await desk.onOffer(v, offer);
    const answer = await desk.onOffer(other, { ...offer, deadlineBlock: 999 });
    expect(answer).toMatchObject({ accept: false, reason: 'validator_not_accepted' });
    expect(assignment()).toMatchObject({ validator: 'V', offer: { deadlineBlock: 200 } });
  });

  it('of a task that failed here is declined', async () => {
    await desk.onOffer(v, offer);
    opened.store.assignments.update(taskId, { state: 'failed', message: 'the disk is full' });
    expect(await desk.onOffer(v, offer)).toEqual({ accept: false, reason: 'internal', message: 'the disk is full' });
  });

  it('that is declined leaves no row behind', async () => {
    expect(await desk.onOffer(v, { ...offer, netuid: 3 })).toMatchObject({ accept: false, reason: 'wrong_netuid' });
    expect(assignment()).toBeUndefined();
    expect(jobs()).toEqual([]);
    expect(worker.wakes).toBe(0);
  });
});

describe('the work of an offer', () => {
  it('that does not suit is declined with its reason, and leaves no row behind', async () => {
    look = () => ({ ...survey, modelBytes: 2 ** 31 });
    expect(await desk.onOffer(v, offer)).toMatchObject({ accept: false, reason: 'too_large' });
    look = () => survey;
    lack = 'no room for rows of';
    expect(await desk.onOffer(v, offer)).toEqual({
      accept: false,
      reason: 'disk_full',
      message: 'no room for rows of 1000',
    });
    expect([assignment(), jobs()]).toEqual([undefined, []]);
  });

  it('with a model that cannot be used is declined; a hub that is down is a reason to ask again', async () => {
    look = () => Promise.reject(new BadInputError('MODEL_UNSUPPORTED', 'mamba is not supported'));
    expect(await desk.onOffer(v, offer)).toEqual({
      accept: false,
      reason: 'model_not_accepted',
      message: 'mamba is not supported',
    });
    look = () => Promise.reject(new TransientError('HUB_UNAVAILABLE', '503'));
    await expect(desk.onOffer(v, offer)).rejects.toMatchObject({ code: 'HUB_UNAVAILABLE' });
    look = () => survey;
    expect(await desk.onOffer(v, offer)).toEqual({ accept: true });
  });

  it('is not looked at where the offer itself is declined', async () => {
    look = () => Promise.reject(new Error('looked'));
    expect(await desk.onOffer(v, { ...offer, netuid: 3 })).toMatchObject({ reason: 'wrong_netuid' });
  });

  it('looked at while other offers come never lets more in than the miner takes', async () => {
    look = async () => {
      await sleep(20);
      return survey;
    };
    const answers = await Promise.all(
      ['1', '2', '3', '1'].map((digit) => desk.onOffer(v, { ...offer, taskId: digit.repeat(16) })),
    );
    expect(answers.filter(({ accept }) => accept)).toHaveLength(3);
    expect(jobs()).toHaveLength(2);
  });
});

describe('a status', () => {
  it('is told to the task’s validator only', async () => {
    await desk.onOffer(v, offer);
    expect(desk.onStatus(v, taskId)).toEqual({ state: 'queued' });
    expect(desk.onStatus(other, taskId)).toEqual({ state: 'unknown' });
    expect(desk.onStatus(v, 'b'.repeat(16))).toEqual({ state: 'unknown' });
  });

  it('tells how far training is, and nothing of the repo', async () => {
    await desk.onOffer(v, offer);
    opened.store.jobs.claim(Date.now());
    opened.store.jobs.setProgress(taskJobId(taskId), { step: 3, totalSteps: 9, loss: 1.5, secret: 'x' });
    expect(desk.onStatus(v, taskId)).toEqual({ state: 'training', step: 3, totalSteps: 9, loss: 1.5 });
    opened.store.assignments.update(taskId, { state: 'committed', repo: 'm/t', revision: 'c'.repeat(40) });
    expect(desk.onStatus(v, taskId)).not.toHaveProperty('repo');
  });

  it('gives the reason of a failure, cut to what a message takes', async () => {
    await desk.onOffer(v, offer);
    opened.store.assignments.update(taskId, { state: 'failed', message: 'x'.repeat(2_000) });
    expect(desk.onStatus(v, taskId)).toEqual({ state: 'failed', message: 'x'.repeat(500) });
  });
});

describe('a loss curve', () => {
  const points = Array.from({ length: 1_000 }, (_, at) => ({
    step: at + 1,
    epoch: 0,
    loss: 1,
    lr: 0,
    tokens: 0,
    ts: 0,
  }));

  it('is told from a step on, at most as many points as an answer takes, the last always', async () => {
    await desk.onOffer(v, offer);
    worker.curves.set(taskJobId(taskId), points);
    expect(await desk.onCurve(v, { taskId, fromStep: 998 })).toEqual({ points: points.slice(997) });
    const { points: thin } = await desk.onCurve(v, { taskId, fromStep: 0 });
    expect(thin.length).toBeLessThanOrEqual(256);
    expect([thin[0]!.step, thin.at(-1)!.step]).toEqual([1, 1_000]);
  });

  it('is told to the task’s validator only', async () => {
    await desk.onOffer(v, offer);
    await expect(desk.onCurve(other, { taskId, fromStep: 0 })).rejects.toMatchObject({ code: 'TASK_UNKNOWN' });
  });
});

describe('dropExpired', () => {
  it('ends queued tasks whose deadline block is over, and no others', async () => {
    const later = 'b'.repeat(16);
    await desk.onOffer(v, offer);
    await desk.onOffer(v, { ...offer, taskId: later, deadlineBlock: 300 });
    desk.dropExpired(200);
    expect(assignment()?.state).toBe('queued');
    desk.dropExpired(201);
    expect(assignment()).toMatchObject({ state: 'failed', message: expect.stringContaining('deadline block 200') });
    expect(assignment(later)?.state).toBe('queued');
    expect(worker.cancelled).toEqual([taskJobId(taskId)]);
  });

  it('says how far training came', () => {
    const { jobs: table } = opened.store;
    const [queued, begun, far, torn] = ['1'.repeat(16), '2'.repeat(16), '3'.repeat(16), '4'.repeat(16)] as const;
    const step = { step: 7, totalSteps: 90 };
    for (const id of [begun, far, torn, queued]) {
      const jobId = taskJobId(id);
      const own = { ...offer, taskId: id };
      opened.store.assignments.insert({ taskId: id, validator: 'V', offer: own, jobId, state: 'queued' });
      table.insert({ id: jobId, kind: 'task', payload: {} });
    }
    for (const _ of [begun, far, torn]) table.claim(1_000);
    for (const id of [far, torn]) table.setProgress(taskJobId(id), step);
    table.requeue(taskJobId(torn), 'the engine was lost');
    desk.dropExpired(201);
    expect([queued, begun, far, torn].map((id) => assignment(id)?.message)).toEqual(
      [
        'it had not begun, the queue was too long',
        'no step was done',
        'it was at step 7 of 90',
        'it was at step 7 of 90, after the fault "the engine was lost"',
      ].map((why) => `training was not done by the deadline block 200: ${why}`),
    );
  });

  it('leaves a trained model to the submitter', async () => {
    await desk.onOffer(v, offer);
    opened.store.assignments.update(taskId, { state: 'publishing' });
    desk.dropExpired(500);
    expect(assignment()?.state).toBe('publishing');
    expect(worker.cancelled).toEqual([]);
  });
});
