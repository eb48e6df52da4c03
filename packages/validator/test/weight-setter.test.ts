import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, TransientError, TuningError } from '@tuning/kit';
import { MetagraphView } from '@tuning/neuron';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { passTimeUntil, useFakeTime } from '../../../test/fakes/fake-time.ts';
import { RevealBook } from '../src/reveal-book.ts';
import { WeightSetter } from '../src/weight-setter.ts';
import { WeightWatch } from '../src/weight-watch.ts';
import { address, FakeChain, fakeNeuron } from './fake-chain.ts';
import { insertTask, openTempStore } from './temp-store.ts';

const NETUID = 2;
const [validator, first, second] = [address('V'), address('A'), address('B')];
const taskId = 'a'.repeat(16);
const weights = [
  { hotkey: first, weight: 0.75 },
  { hotkey: second, weight: 0.25 },
];

class Refusal extends TuningError {
  override readonly name = 'ChainError';
}

let chain: FakeChain;
let opened: Awaited<ReturnType<typeof openTempStore>>;
let stops: (() => Promise<void>)[];

beforeEach(async () => {
  useFakeTime();
  opened = await openTempStore();
  chain = new FakeChain();
  chain.neurons = [fakeNeuron(0, validator), fakeNeuron(1, first), fakeNeuron(2, second)];
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  await opened.remove();
  vi.useRealTimers();
});

/** A task that waits for weights, in which `first` beat `second`. */
function weighingTask(id = taskId, scored = true): void {
  insertTask(opened.store, id, 'weighing');
  if (!scored) return;
  const work = 1;
  opened.store.scores.put(id, chain.head.number, [
    { hotkey: first, score: 1, work },
    { hotkey: second, score: 0.5, work },
  ]);
}

/** One life of the daemon; ended by the function returned. */
function live(): () => Promise<void> {
  const life = new AbortController();
  const setter = new WeightSetter({
    chain: chain.asChain(),
    netuid: NETUID,
    hotkey: { address: validator, publicKey: new Uint8Array(32), sign: () => new Uint8Array(64) },
    metagraph: new MetagraphView(chain.asChain(), NETUID, silentLogger),
    store: opened.store,
    reveals: new RevealBook(join(mkdtempSync(join(tmpdir(), 'reveals-')), 'book.json'), silentLogger),
    watch: new WeightWatch(join(opened.folder, 'watch.json'), silentLogger),
    logger: silentLogger,
    signal: life.signal,
  });
  const ended = setter.run();
  const stop = async () => {
    life.abort(new Error('stopped'));
    await ended;
  };
  stops.push(stop);
  return stop;
}

const state = (id = taskId) => opened.store.tasks.get(id)?.state;
const done = () => state() === 'done';
const minutes = (count: number) => {
  const until = Date.now() + count * 60_000;
  return passTimeUntil(() => Date.now() >= until);
};

describe('a task that waits for weights', () => {
  it('gets them once, and its row says what is on the chain', async () => {
    weighingTask();
    live();
    await passTimeUntil(done);
    await minutes(2);
    expect(chain.sent).toHaveLength(1);
    expect(chain.sent[0]!.weights.map(({ hotkey }) => hotkey)).toEqual([first, second]);
    const set = { block: chain.ours.block, uids: [1, 2], values: chain.ours.weights.map(({ value }) => value) };
    expect(opened.store.tasks.get(taskId)?.data['weights']).toEqual(set);
    expect(opened.store.weightSets.latest(NETUID)).toMatchObject({ ...set, state: 'included', taskIds: [taskId] });
    expect(opened.store.weightSets.pending(NETUID)).toEqual([]);
  });

  it('shares one set with the others that wait', async () => {
    weighingTask();
    weighingTask('b'.repeat(16));
    live();
    await passTimeUntil(() => done() && state('b'.repeat(16)) === 'done');
    expect(chain.sent).toHaveLength(1);
  });

  it('ends without weights where nobody has scored', async () => {
    weighingTask(taskId, false);
    live();
    await passTimeUntil(done);
    expect(chain.sent).toEqual([]);
    expect(opened.store.tasks.get(taskId)?.data['weights']).toBeNull();
  });
});

describe('after a restart with an intent of which nobody knows what became', () => {
  let decidedBlock: number;
  beforeEach(() => {
    weighingTask();
    decidedBlock = chain.head.number;
    opened.store.weightSets.intend({ netuid: NETUID, decidedBlock, weights, taskIds: [taskId] });
  });

  it('the weights that are on the chain are not set again', async () => {
    chain.include(weights, decidedBlock + 1);
    live();
    await passTimeUntil(done);
    await minutes(2);
    expect(chain.sent).toEqual([]);
    expect(opened.store.weightSets.forTask(taskId)).toMatchObject([{ state: 'included', block: decidedBlock + 1 }]);
  });

  it('a commit of a commit-reveal subnet counts, though the chain still shows the weights before', async () => {
    chain.include([{ hotkey: second, weight: 1 }], decidedBlock + 1);
    chain.commits = [decidedBlock + 1];
    live();
    await passTimeUntil(done);
    await minutes(2);
    expect(chain.sent).toEqual([]);
    expect(opened.store.weightSets.forTask(taskId)).toMatchObject([
      { state: 'included', uids: [1, 2], values: [65_535, 21_845] },
    ]);
  });

  it('the chain gets the blocks in which they may still come', async () => {
    live();
    await passTimeUntil(() => chain.head.number >= decidedBlock + 120);
    expect(chain.sent).toEqual([]);
    chain.include(weights, decidedBlock + 120);
    await passTimeUntil(done);
    expect(chain.sent).toEqual([]);
  });

  it('they are set again when those blocks are over, and not before', async () => {
    live();
    await passTimeUntil(done);
    expect(chain.sent).toHaveLength(1);
    expect(chain.sent[0]!.head).toBeGreaterThan(decidedBlock + 140);
    expect(chain.sent[0]!.head).toBeLessThan(decidedBlock + 150);
    expect(opened.store.weightSets.forTask(taskId).map((set) => set.state)).toEqual(['failed', 'included']);
  });

  it('weights that another program has set are not taken for ours', async () => {
    chain.include([{ hotkey: second, weight: 1 }], decidedBlock + 1);
    live();
    await passTimeUntil(done);
    expect(chain.sent).toHaveLength(1);
    expect(opened.store.weightSets.forTask(taskId).map((set) => set.state)).toEqual(['failed', 'included']);
  });

  it('a second restart while it waits changes nothing', async () => {
    const stop = live();
    await minutes(1);
    await stop();
    expect(opened.store.weightSets.pending(NETUID)).toHaveLength(1);
    chain.include(weights, decidedBlock + 70);
    live();
    await passTimeUntil(done);
    expect(chain.sent).toEqual([]);
  });
});

describe('what the chain does not take', () => {
  it('for the rate limit waits just the blocks that are left', async () => {
    weighingTask();
    chain.refusals.push(new TransientError('WEIGHTS_TOO_SOON', 'too soon', { details: { blocksToWait: 90 } }));
    live();
    await passTimeUntil(done);
    expect(chain.sent).toHaveLength(2);
    const waited = chain.sent[1]!.head - chain.sent[0]!.head;
    expect(waited).toBeGreaterThanOrEqual(90);
    expect(waited).toBeLessThanOrEqual(92);
  });

  it('is tried again with waits that double up to ten minutes', async () => {
    weighingTask();
    const refusal = () => new Refusal('NEURON_NO_VALIDATOR_PERMIT', 'no permit');
    chain.refusals.push(...Array.from({ length: 11 }, refusal));
    live();
    await passTimeUntil(done);
    const waits = chain.sent.slice(1).map(({ at }, before) => Math.round((at - chain.sent[before]!.at) / 1_000));
    expect(waits).toEqual([3, 6, 12, 24, 48, 96, 192, 384, 600, 600, 600]);
    expect(opened.store.weightSets.pending(NETUID)).toEqual([]);
  });

  it('is looked for on the chain, not sent again, when the connection was lost after sending', async () => {
    weighingTask();
    chain.refusals.push(new TransientError('CHAIN_UNREACHABLE', 'the connection was lost'));
    live();
    await passTimeUntil(() => chain.sent.length === 1);
    chain.include(chain.sent[0]!.weights, chain.head.number + 2);
    await passTimeUntil(done);
    expect(chain.sent).toHaveLength(1);
  });
});

describe('weights of long ago', () => {
  it('are set again without a task, so that the validator stays active', async () => {
    weighingTask();
    live();
    await passTimeUntil(done);
    chain.skip(1_900);
    await minutes(1);
    expect(chain.sent).toHaveLength(1);
    chain.skip(100);
    await passTimeUntil(() => chain.sent.length === 2);
    await minutes(1);
    expect(chain.sent).toHaveLength(2);
    expect(opened.store.weightSets.latest(NETUID)?.taskIds).toEqual([]);
  });

  it('do not keep the setter busy when nobody has a score any more, nor from the next task', async () => {
    weighingTask();
    live();
    await passTimeUntil(done);
    chain.skip(60_000);
    const reads = chain.metagraphReads;
    await minutes(2);
    expect(chain.metagraphReads - reads).toBeLessThanOrEqual(2);
    weighingTask('b'.repeat(16));
    await passTimeUntil(() => state('b'.repeat(16)) === 'done', 60_000);
    expect(chain.sent).toHaveLength(2);
  });
});
