import { BadInputError, OperatorError, TransientError } from '@tuning/kit';
import { encodeCommitment, modelDigest, receiptSchema, submissionDigest } from '@tuning/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inFakeTime, passTimeUntil, useFakeTime } from '../../../test/fakes/fake-time.ts';
import type { ValidatorServices } from '../src/services.ts';
import { TaskRunner } from '../src/task-runner.ts';
import { TaskSteps } from '../src/task-steps.ts';
import { address, FakeChain, fakeNeuron } from './fake-chain.ts';
import { FakeHub } from './fake-hub.ts';
import { accept, decline, FakePeer } from './fake-peer.ts';
import { FakeEvaluations, FakeModels, fakeServices, NETUID, putSplit, writeTrainRows } from './fake-services.ts';
import { insertTask, openTempStore } from './temp-store.ts';

const [one, two] = ['a'.repeat(16), 'b'.repeat(16)];
const [a, b, c] = [address('A'), address('B'), address('C')];

let chain: FakeChain;
let peer: FakePeer;
let hub: FakeHub;
let models: FakeModels;
let evaluations: FakeEvaluations;
let services: ValidatorServices;
let life: AbortController;
let opened: Awaited<ReturnType<typeof openTempStore>>;
let runner: TaskRunner;

beforeEach(async () => {
  useFakeTime();
  opened = await openTempStore();
  chain = new FakeChain();
  chain.neurons = [
    ...[a, b, c].map((hotkey, at) => fakeNeuron(at + 1, hotkey)),
    fakeNeuron(0, address('V')),
    fakeNeuron(7, address('N'), { axon: undefined }),
    fakeNeuron(8, address('K'), { peerKey: undefined }),
  ];
  peer = new FakePeer();
  peer.answers(a, accept);
  peer.answers(b, accept);
  peer.answers(c, accept);
  hub = new FakeHub({ 'model.safetensors': 'weights', 'config.json': '{}' });
  models = new FakeModels(opened.folder);
  evaluations = new FakeEvaluations();
  begin();
});
afterEach(async () => {
  await stop();
  vi.useRealTimers();
  await opened.remove();
});

/** One life of the daemon. */
function begin(): void {
  life = new AbortController();
  services = fakeServices({ ...opened, chain, hub, peer, models, evaluations, signal: life.signal });
  runner = new TaskRunner(services);
}

async function stop(): Promise<void> {
  life.abort(new Error('the daemon stops'));
  await inFakeTime(runner.settle());
}

/** An accepted order whose rows are split. */
function order(taskId = one): void {
  insertTask(opened.store, taskId, 'preparing');
  putSplit(opened.store, taskId);
  writeTrainRows(opened.folder, taskId);
}

/** The chain's commitments are recorded up to far beyond any deadline, with one of `hotkey` for a task. */
function record(commitment?: { taskId: string; hotkey: string }): void {
  const digest = submissionDigest(modelDigest(hub.digests()), commitment?.hotkey ?? '');
  const field = (taskId: string) =>
    encodeCommitment({ kind: 'submission', taskId, repo: 'm/t', revision: 'e'.repeat(40), digest });
  const items = commitment ? [{ hotkey: commitment.hotkey, fields: [field(commitment.taskId)] }] : [];
  opened.store.commitments.recordBlock(NETUID, { number: 1_040, hash: '0x1' }, items);
  opened.store.commitments.recordBlock(NETUID, { number: 900_000, hash: '0x2' }, []);
}

const task = (taskId = one) => opened.store.tasks.get(taskId)!;
/** @throws Error with its failure when the task ends otherwise. */
async function reaches(state: string, taskId = one): Promise<void> {
  await passTimeUntil(() => [state, 'failed'].includes(task(taskId).state), 30 * 24 * 3_600_000);
  if (task(taskId).state !== state) throw new Error(JSON.stringify(task(taskId).failure));
}

describe('a task', () => {
  it('goes from preparing to weighing, with a receipt of what decided it', async () => {
    order();
    runner.start(one);
    await reaches('training');
    const group = opened.store.members.list(one).map(({ hotkey }) => hotkey);
    expect(group).toHaveLength(2);
    record({ taskId: one, hotkey: group[0]! });
    await reaches('weighing');
    const { body } = receiptSchema.parse(opened.store.receipts.get(one));
    expect(body.winner).toBe(group[0]);
    expect(body.draw.eligible.map(({ hotkey }) => hotkey)).toEqual([a, b, c]);
    expect(body.entries.map(({ hotkey, verdict }) => [hotkey, verdict.code])).toEqual([
      [group[0], 'accepted'],
      [group[1], 'no_submission'],
    ]);
    expect(opened.store.scores.since(0).map(({ hotkey, score }) => [hotkey, score > 0])).toEqual([
      [group[0], true],
      [group[1], false],
    ]);
    expect(peer.statuses).toBeGreaterThan(0);
    // The base on both sets before anything was published, then the submission on each.
    expect(evaluations.requests.map(({ sets }) => sets.map(({ name }) => name))).toEqual([
      ['synthetic', 'test'],
      ['synthetic'],
      ['test'],
    ]);
  });

  it('started twice runs once', async () => {
    order();
    runner.start(one);
    runner.start(one);
    await reaches('training');
    expect(hub.published).toHaveLength(1);
    expect(peer.asked).toHaveLength(2);
  });

  it('and another one go on side by side', async () => {
    order(one);
    order(two);
    record();
    models.faults.push(new BadInputError('MODEL_UNSUPPORTED', 'of the first to ask'));
    runner.resume();
    await passTimeUntil(() => [one, two].every((id) => ['weighing', 'failed'].includes(task(id).state)));
    // One order was wrong; that is nothing to the other.
    expect([task(one).state, task(two).state].sort()).toEqual(['failed', 'weighing']);
  });

  it('killed while it trains goes on in the next life with what it had', async () => {
    order();
    runner.start(one);
    await reaches('training');
    await stop();
    expect(task().state).toBe('training');
    const seed = new TaskSteps(opened.store.steps, one).need('seed');
    const asked = peer.asked.length;
    begin();
    runner.resume();
    record();
    await reaches('weighing');
    expect(peer.asked).toHaveLength(asked);
    expect(hub.published).toHaveLength(1);
    expect(receiptSchema.parse(opened.store.receipts.get(one)).body.seal.seed).toBe(seed);
  });
});

describe('an error in a state', () => {
  it.each([
    ['an outage of the hub', new TransientError('HUB_UNAVAILABLE', 'the hub answers 503')],
    ['a token that its operator must renew', new OperatorError('HUB_TOKEN_INVALID', 'set a valid HF_TOKEN')],
  ])('that is %s is outlived, however long it takes', async (_, fault) => {
    order();
    const start = Date.now();
    models.faults.push(...Array.from({ length: 200 }, () => fault));
    runner.start(one);
    await reaches('offering');
    // At most two minutes between two tries.
    expect(Date.now() - start).toBeLessThan(200 * 120_000);
    expect(Date.now() - start).toBeGreaterThan(150 * 120_000);
  });

  it('that is the order’s own ends the task with its code at the first try', async () => {
    order();
    models.faults.push(new BadInputError('MODEL_UNSUPPORTED', 'an architecture of its own'));
    runner.start(one);
    await reaches('failed');
    expect(task().failure).toEqual({ code: 'MODEL_UNSUPPORTED', message: 'an architecture of its own' });
    expect(models.faults).toEqual([]);
    expect(peer.asked).toEqual([]);
  });

  it.each(['HUB_REPO_NOT_FOUND', 'HUB_REVISION_NOT_FOUND', 'HUB_FILE_NOT_FOUND', 'HUB_HASH_MISMATCH'])(
    'with %s may pass',
    async (code) => {
      order();
      models.faults.push(...Array.from({ length: 5 }, () => new BadInputError(code, 'not there')));
      runner.start(one);
      await reaches('offering');
    },
  );

  it('with HUB_REPO_NOT_FOUND for good ends the task after 60 tries', async () => {
    order();
    models.faults.push(...Array.from({ length: 100 }, () => new BadInputError('HUB_REPO_NOT_FOUND', 'gone')));
    runner.start(one);
    await reaches('failed');
    expect(task().failure?.code).toBe('HUB_REPO_NOT_FOUND');
    expect(models.faults).toHaveLength(40);
  });

  it('that nobody foresaw ends the task after 60 tries', async () => {
    order();
    models.faults.push(...Array.from({ length: 100 }, () => new RangeError('a mistake of ours')));
    runner.start(one);
    await reaches('failed');
    expect(task().failure).toEqual({ code: 'INTERNAL', message: 'a mistake of ours' });
    expect(models.faults).toHaveLength(40);
  });

  it('counts anew in the next state', async () => {
    order();
    models.faults.push(...Array.from({ length: 50 }, () => new BadInputError('HUB_REPO_NOT_FOUND', 'gone')));
    runner.start(one);
    await reaches('training');
    models.faults.push(...Array.from({ length: 50 }, () => new BadInputError('HUB_REPO_NOT_FOUND', 'gone')));
    record();
    await reaches('weighing');
  });

  it('because no miner wants the task ends it as NO_MINERS', async () => {
    for (const hotkey of [a, b, c]) peer.answers(hotkey, decline);
    order();
    runner.start(one);
    await reaches('failed');
    expect(task().failure?.code).toBe('NO_MINERS');
  });
});
