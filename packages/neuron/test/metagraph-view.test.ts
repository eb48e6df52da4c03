import { silentLogger } from '@tuning/kit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MetagraphView } from '../src/metagraph-view.ts';
import { FakeChain, fakeNeuron } from './fake-chain.ts';

const keyOf = (uid: number) => new Uint8Array(32).fill(uid);
let chain: FakeChain;
let view: MetagraphView;

beforeEach(async () => {
  vi.useFakeTimers();
  await start(new FakeChain());
});
afterEach(() => vi.useRealTimers());

/** A view that was read once. */
async function start(of: FakeChain) {
  chain = of;
  chain.neurons = [
    fakeNeuron(1, 'MINER'),
    fakeNeuron(2, 'VALIDATOR', { validatorPermit: true }),
    fakeNeuron(3, 'HIDDEN', { axon: undefined }),
    fakeNeuron(4, 'BEHIND_NAT', { axon: { ...fakeNeuron(4, '').axon!, ip: '0.0.0.0' } }),
    fakeNeuron(5, 'NO_KEY', { peerKey: undefined }),
  ];
  view = new MetagraphView(chain.asChain(), 2, silentLogger);
  await view.refresh();
  chain.reads = 0;
}

/** Lets a refresh that a look-up began come to its end. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('the directory', () => {
  it('knows who published a transport key, and where', () => {
    expect(view.byHotkey('MINER')).toEqual({
      hotkey: 'MINER',
      host: '10.0.0.1',
      port: 8_091,
      publicKey: keyOf(1),
      permit: false,
    });
    expect(view.byPeerKey(keyOf(2))).toMatchObject({ hotkey: 'VALIDATOR', permit: true });
    expect(view.byHotkey('HIDDEN')).toMatchObject({ host: undefined });
    expect(view.byHotkey('BEHIND_NAT')).toMatchObject({ host: undefined });
    expect(view.byHotkey('NO_KEY')).toBeUndefined();
    expect(view.neuron('NO_KEY')?.uid).toBe(5);
  });

  it('forgets who left with the next refresh', async () => {
    chain.neurons = chain.neurons.filter(({ hotkey }) => hotkey !== 'MINER');
    await view.refresh();
    expect(view.byHotkey('MINER')).toBeUndefined();
    expect(view.byPeerKey(keyOf(1))).toBeUndefined();
  });

  it('knows the new key of a hotkey only, once it was rotated', async () => {
    chain.neurons = [fakeNeuron(1, 'MINER', { peerKey: keyOf(77) })];
    await view.refresh();
    expect(view.byPeerKey(keyOf(1))).toBeUndefined();
    expect(view.byPeerKey(keyOf(77))?.hotkey).toBe('MINER');
  });

  it('keeps what it has when the chain cannot be read', async () => {
    chain.fault = new Error('the chain is down');
    await expect(view.refresh()).rejects.toThrow('the chain is down');
    expect(view.byHotkey('MINER')).toBeDefined();
    await view.refresh();
  });

  it('shares one read between parallel refreshes', async () => {
    await Promise.all([view.refresh(), view.refresh(), view.refresh()]);
    expect(chain.reads).toBe(1);
  });
});

describe('a look-up', () => {
  it('of a peer with a permit reads nothing', async () => {
    for (let i = 0; i < 10; i += 1) view.byPeerKey(keyOf(2));
    await pass(10_000);
    expect(chain.reads).toBe(0);
  });

  it('of an unknown peer makes it known the next time', async () => {
    chain.neurons = [...chain.neurons, fakeNeuron(6, 'NEW')];
    expect(view.byPeerKey(keyOf(6))).toBeUndefined();
    await pass(0);
    expect(view.byPeerKey(keyOf(6))?.hotkey).toBe('NEW');
  });

  it('of a peer that got its permit a moment ago finds it the next time', async () => {
    chain.neurons = [fakeNeuron(1, 'MINER', { validatorPermit: true })];
    expect(view.byPeerKey(keyOf(1))?.permit).toBe(false);
    await pass(0);
    expect(view.byPeerKey(keyOf(1))?.permit).toBe(true);
  });

  it('by strangers reads the chain every 3 s at most', async () => {
    for (let tenths = 0; tenths < 90; tenths += 1) {
      view.byPeerKey(keyOf(200));
      view.byPeerKey(keyOf(1));
      await pass(100);
    }
    expect(chain.reads).toBe(3);
  });

  it('by strangers reads a slow chain once a block at most', async () => {
    await start(new FakeChain(12_000));
    for (let seconds = 0; seconds < 36; seconds += 1) {
      view.byPeerKey(keyOf(200));
      await pass(1_000);
    }
    expect(chain.reads).toBe(3);
  });

  it('survives a chain that cannot be read', async () => {
    chain.fault = new Error('the chain is down');
    view.byPeerKey(keyOf(200));
    await pass(3_000);
    view.byPeerKey(keyOf(200));
    await pass(0);
    expect(chain.reads).toBe(2);
  });
});

describe('follow', () => {
  it('refreshes every so many blocks until it is told to stop', async () => {
    const changed = vi.fn();
    const stop = view.follow(25, changed);
    chain.finalise(124);
    await pass(0);
    expect(chain.reads).toBe(0);
    chain.finalise(125);
    chain.finalise(126);
    await pass(0);
    expect([chain.reads, changed.mock.calls.length]).toEqual([1, 1]);
    chain.fault = new Error('the chain is down');
    chain.finalise(150);
    await pass(0);
    expect(changed).toHaveBeenCalledTimes(1);
    chain.finalise(175);
    await pass(0);
    expect(changed).toHaveBeenCalledTimes(2);
    stop();
    chain.finalise(500);
    await pass(0);
    expect(chain.reads).toBe(3);
  });
});
