import { silentLogger } from '@tuning/kit';
import type { CurvePoint, StatusAnswer } from '@tuning/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeCurve, extendCurve, followCurve } from '../src/reported-curve.ts';
import { FakePeer } from './fake-peer.ts';
import { insertTask, openTempStore } from './temp-store.ts';

const TASK = 'a'.repeat(16);
const MINER = '5M';
const curve = (from: number, to: number, loss = 1): CurvePoint[] =>
  Array.from({ length: to - from + 1 }, (_, at) => ({ step: from + at, epoch: 0, loss, lr: 0, tokens: 0, ts: 0 }));

let opened: Awaited<ReturnType<typeof openTempStore>>;
let peer: FakePeer;
beforeEach(async () => {
  opened = await openTempStore();
  insertTask(opened.store, TASK, 'training');
  peer = new FakePeer();
});
afterEach(() => opened.remove());

const kept = () => opened.store.curves.get(TASK, MINER);
function follow(step: number | undefined): Promise<boolean> {
  const status: StatusAnswer = { state: 'training', ...(step === undefined ? {} : { step }) };
  const services = {
    store: opened.store,
    peer: peer.asPeer(),
    signal: new AbortController().signal,
    logger: silentLogger,
  };
  return followCurve(services, TASK, MINER, status);
}

it('asks for what is new only, and only where the status has gone on', async () => {
  peer.curves.set(MINER, curve(1, 10));
  await follow(undefined);
  expect(peer.curveRequests).toEqual([]);
  await follow(10);
  await follow(10);
  peer.curves.set(MINER, curve(1, 15));
  await follow(15);
  expect(peer.curveRequests.map(({ fromStep }) => fromStep)).toEqual([0, 11]);
  expect(kept()).toEqual(curve(1, 15));
});

it('takes all of it again from a trainer that went back to a checkpoint', async () => {
  peer.curves.set(MINER, curve(1, 20));
  await follow(20);
  peer.curves.set(MINER, curve(1, 12, 3));
  await follow(12);
  expect(kept()).toEqual(curve(1, 12, 3));
});

it('does without the curve of a miner that does not know the question, or does not answer', async () => {
  expect(await follow(3)).toBe(false);
  peer.curve = async () => {
    throw new Error('nobody answers');
  };
  expect(await follow(3)).toBe(true);
  expect(kept()).toEqual([]);
});

it('gives a miner no say over steps that it told before', () => {
  expect(extendCurve(curve(1, 5), curve(1, 7, 9), 6)).toEqual([...curve(1, 5), ...curve(6, 7, 9)]);
});

it('keeps and shows a bounded number of points', () => {
  expect(extendCurve(curve(1, 256), curve(257, 500), 257).length).toBeLessThanOrEqual(256);
  expect(describeCurve([])).toBeNull();
  const shown = describeCurve(curve(1, 256)) as { last: CurvePoint; points: object[] };
  expect(shown.last).toEqual(curve(256, 256)[0]);
  expect(shown.points.length).toBeLessThanOrEqual(64);
  expect(shown.points.at(-1)).toEqual({ step: 256, loss: 1 });
});
