import type { MemberRecord } from '@tuning/store';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inFakeTime, passTimeUntil, useFakeTime } from '../../../test/fakes/fake-time.ts';
import { MAX_WINDOWS, openWindow, scheduleOf } from '../src/schedule.ts';
import type { ValidatorServices } from '../src/services.ts';
import { offerTask } from '../src/stages/offering.ts';
import type { TaskSteps } from '../src/task-steps.ts';
import { address, FakeChain, fakeNeuron } from './fake-chain.ts';
import { accept, decline, FakePeer, peerRefusal, unreachable } from './fake-peer.ts';
import { fakeServices, OFFER_BLOCKS, putDraw } from './fake-services.ts';
import { insertTask, openTempStore, request } from './temp-store.ts';

const taskId = 'a'.repeat(16);
const [a, b, c, d] = [address('A'), address('B'), address('C'), address('D')];

let chain: FakeChain;
let peer: FakePeer;
let services: ValidatorServices;
let steps: TaskSteps;
let life: AbortController;
let opened: Awaited<ReturnType<typeof openTempStore>>;

beforeEach(async () => {
  useFakeTime();
  opened = await openTempStore();
  chain = new FakeChain();
  chain.neurons = [a, b, c, d].map((hotkey, at) => fakeNeuron(at + 1, hotkey));
  peer = new FakePeer();
  life = new AbortController();
  services = fakeServices({ ...opened, chain, peer, signal: life.signal });
  insertTask(opened.store, taskId, 'offering');
  steps = putDraw(opened.store, taskId, [a, b, c, d]);
  openWindow(services, taskId, request);
});
afterEach(async () => {
  life.abort(new Error('over'));
  vi.useRealTimers();
  await opened.remove();
});

const offer = () => inFakeTime(offerTask(services, steps, request), 3_600_000);
const members = () =>
  Object.fromEntries(opened.store.members.list(taskId).map((m): [string, MemberRecord] => [m.hotkey, m]));
const answers = () => Object.fromEntries(Object.values(members()).map(({ hotkey, answer }) => [hotkey, answer]));

describe('within a window', () => {
  it('asks in the order of the draw, and no more than the group has places', async () => {
    for (const hotkey of [a, b, c, d]) peer.answers(hotkey, accept);
    await offer();
    expect(peer.asked).toEqual([a, b]);
    expect(answers()).toEqual({ [a]: 'accepted', [b]: 'accepted' });
    expect(members()[b]).toMatchObject({ uid: 2, drawIndex: 1, reason: null });
  });

  it('replaces who declines by the next drawn, one for one', async () => {
    peer.answers(a, decline);
    peer.answers(b, accept);
    peer.answers(c, accept);
    peer.answers(d, accept);
    await offer();
    expect(peer.asked).toEqual([a, b, c]);
    expect(answers()).toEqual({ [a]: 'declined', [b]: 'accepted', [c]: 'accepted' });
    expect(members()[a]?.reason).toBe('busy: two tasks are open');
  });

  it('asks those it could not reach again after everybody else', async () => {
    peer.answers(a, unreachable(), accept);
    peer.answers(b, accept);
    peer.answers(c, decline);
    peer.answers(d, decline);
    await offer();
    expect(peer.asked).toEqual([a, b, c, d, a]);
    expect(answers()).toMatchObject({ [a]: 'accepted', [b]: 'accepted' });
  });

  it('goes on with the smaller group when the window closes on silent miners', async () => {
    peer.answers(b, accept);
    const { offerDeadlineBlock } = scheduleOf(services, taskId)!;
    await offer();
    expect(answers()).toEqual({ [a]: 'unreachable', [b]: 'accepted', [c]: 'unreachable', [d]: 'unreachable' });
    expect(chain.head.number).toBe(offerDeadlineBlock + 1);
    expect(scheduleOf(services, taskId)).toMatchObject({ window: 1, offerDeadlineBlock });
  });

  it.each(['PERMIT_NEEDED', 'NOT_REGISTERED'])(
    'takes %s for an old view of the metagraph, and asks again',
    async (code) => {
      peer.answers(a, peerRefusal(code), accept);
      peer.answers(b, accept);
      peer.answers(c, decline);
      peer.answers(d, decline);
      await offer();
      expect(answers()).toMatchObject({ [a]: 'accepted', [b]: 'accepted' });
    },
  );

  it('takes any other refusal for a no', async () => {
    peer.answers(a, peerRefusal('BAD_REQUEST'));
    peer.answers(b, accept);
    peer.answers(c, accept);
    await offer();
    expect(peer.asked).toEqual([a, b, c]);
    expect(members()[a]).toMatchObject({ answer: 'declined', reason: expect.stringContaining('PEER_REFUSED') });
  });
});

describe('when nobody accepts', () => {
  it('a new window opens, with later blocks, and everyone is asked again', async () => {
    for (const hotkey of [a, b, c, d]) peer.answers(hotkey, decline, accept);
    const before = scheduleOf(services, taskId)!;
    await offer();
    expect(peer.asked).toEqual([a, b, c, d, a, b]);
    const after = scheduleOf(services, taskId)!;
    expect(after.window).toBe(2);
    expect(after.offerDeadlineBlock).toBeGreaterThanOrEqual(before.offerDeadlineBlock + 1 + OFFER_BLOCKS);
    expect(after.deadlineBlock - after.offerDeadlineBlock).toBe(before.deadlineBlock - before.offerDeadlineBlock);
    // What is offered in the new window has its blocks.
    expect(peer.offers.at(-1)).toMatchObject({ deadlineBlock: after.deadlineBlock });
    expect(peer.offers[0]).toMatchObject({ deadlineBlock: before.deadlineBlock });
    expect(answers()).toEqual({ [a]: 'accepted', [b]: 'accepted', [c]: 'pending', [d]: 'pending' });
  });

  it('the task ends with NO_MINERS after the last window', async () => {
    for (const hotkey of [a, b, c, d]) peer.answers(hotkey, decline);
    await expect(offer()).rejects.toMatchObject({ code: 'NO_MINERS' });
    expect(peer.asked).toHaveLength(4 * MAX_WINDOWS);
    expect(scheduleOf(services, taskId)?.window).toBe(MAX_WINDOWS);
  });

  it('because nobody was drawn, it ends at once', async () => {
    insertTask(opened.store, 'b'.repeat(16), 'offering');
    const empty = putDraw(opened.store, 'b'.repeat(16), []);
    await expect(offerTask(services, empty, request)).rejects.toMatchObject({ code: 'NO_MINERS' });
  });
});

describe('after a crash', () => {
  const member = (hotkey: string, drawIndex: number, answer: MemberRecord['answer']): MemberRecord => ({
    taskId,
    hotkey,
    uid: drawIndex + 1,
    drawIndex,
    answer,
    reason: null,
    answeredBlock: 1_000,
    status: null,
  });

  it('earlier answers stay, and only the places left are filled', async () => {
    opened.store.members.upsert(member(a, 0, 'declined'));
    opened.store.members.upsert(member(b, 1, 'accepted'));
    peer.answers(c, accept);
    peer.answers(d, accept);
    await offer();
    expect(peer.asked).toEqual([c]);
    expect(answers()).toEqual({ [a]: 'declined', [b]: 'accepted', [c]: 'accepted' });
  });

  it('nobody is asked where the group was full', async () => {
    opened.store.members.upsert(member(a, 0, 'accepted'));
    opened.store.members.upsert(member(b, 1, 'accepted'));
    await offer();
    expect(peer.asked).toEqual([]);
  });

  it('nobody is asked after the window, and the blocks that a miner accepted stay', async () => {
    opened.store.members.upsert(member(a, 0, 'accepted'));
    const before = scheduleOf(services, taskId);
    chain.skip(OFFER_BLOCKS + 1);
    await offer();
    expect(peer.asked).toEqual([]);
    expect(scheduleOf(services, taskId)).toEqual(before);
  });

  it('in the middle of an answer, the stop is not taken for one', async () => {
    const work = offerTask(services, steps, request);
    work.catch(() => {});
    await passTimeUntil(() => peer.asked.length > 0);
    life.abort(new Error('the daemon stops'));
    await expect(inFakeTime(work)).rejects.toThrow('the daemon stops');
    expect(answers()).toEqual({});
  });
});
