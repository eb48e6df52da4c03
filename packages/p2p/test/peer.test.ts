import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { PeerHandlers } from '../src/index.ts';
import { failure, Network, OFFER, signerOf, TASK_ID } from './network.ts';

let network = new Network();
afterEach(async () => {
  await network.close();
  network = new Network();
});

const accepting: PeerHandlers = { onOffer: async () => ({ accept: true }) };

describe('offer and status', () => {
  it('carries offers, refusals with their reason and status both ways of an answer', async () => {
    const seen: string[] = [];
    const miner = await network.start({
      host: '127.0.0.2',
      handlers: {
        onOffer: async (from, offer) => {
          seen.push(`${from.hotkey} ${offer.taskId}`);
          return seen.length === 1 ? { accept: true } : { accept: false, reason: 'busy', message: 'one at a time' };
        },
        onStatus: async (_, taskId) =>
          taskId === TASK_ID ? { state: 'training', step: 3, totalSteps: 10, loss: 1.5 } : { state: 'unknown' },
      },
    });
    const validator = await network.start({ permit: true });
    expect(await validator.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
    const declined = await validator.peer.offer(miner.hotkey, OFFER);
    expect(declined).toEqual({ accept: false, reason: 'busy', message: 'one at a time' });
    expect(seen).toEqual([`${validator.hotkey} ${TASK_ID}`, `${validator.hotkey} ${TASK_ID}`]);
    expect(await validator.peer.status(miner.hotkey, TASK_ID)).toMatchObject({ state: 'training', loss: 1.5 });
    expect(await validator.peer.status(miner.hotkey, 'f'.repeat(16))).toEqual({ state: 'unknown' });
  });

  it('carries a piece of a loss curve, to validators only', async () => {
    const points = [4, 5].map((step) => ({ step, epoch: 0, loss: 1 / step, lr: 0, tokens: step, ts: 1 }));
    const miner = await network.start({
      handlers: { onCurve: async (_, { fromStep }) => ({ points: points.filter(({ step }) => step >= fromStep) }) },
    });
    const [validator, other] = [await network.start({ permit: true }), await network.start()];
    const ask = (fromStep: number) => validator.peer.curve(miner.hotkey, { taskId: TASK_ID, fromStep });
    expect(await ask(0)).toEqual({ points });
    expect(await ask(5)).toEqual({ points: points.slice(1) });
    expect(await failure(other.peer.curve(miner.hotkey, { taskId: TASK_ID, fromStep: 0 }))).toMatchObject({
      peerCode: 'PERMIT_NEEDED',
    });
  });

  it('asks four miners at once, and many at one miner over one connection', async () => {
    const miners = await Promise.all(
      Array.from({ length: 4 }, () =>
        network.start({ handlers: { ...accepting, onStatus: async () => ({ state: 'queued' }) } }),
      ),
    );
    const validator = await network.start({ permit: true });
    const answers = await Promise.all(miners.map(({ hotkey }) => validator.peer.offer(hotkey, OFFER)));
    expect(answers).toEqual(Array(4).fill({ accept: true }));
    const many = Array.from({ length: 8 }, () => validator.peer.status(miners[0]!.hotkey, TASK_ID));
    expect(await Promise.all(many)).toEqual(Array(8).fill({ state: 'queued' }));
  });

  it('reaches a miner without an open port over the connection that the miner made', async () => {
    const validator = await network.start({ permit: true });
    const miner = await network.start({ listen: undefined, handlers: accepting });
    expect(miner.peer.port).toBe(0);
    expect(await failure(validator.peer.offer(miner.hotkey, OFFER))).toMatchObject({ code: 'PEER_UNREACHABLE' });
    await miner.peer.connect(validator.hotkey);
    expect(await validator.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
  });

  it('says what it cannot do', async () => {
    const miner = await network.start();
    const validator = await network.start({ permit: true });
    const nobody = (await signerOf(99)).address;
    expect(await failure(validator.peer.offer(nobody, OFFER))).toEqual({ name: 'BadInputError', code: 'PEER_UNKNOWN' });
    expect(await failure(validator.peer.offer(miner.hotkey, OFFER))).toMatchObject({ code: 'PEER_UNSUPPORTED' });
    const huge = { ...OFFER, datasetType: { format: 'x'.repeat(70_000) } };
    expect(await failure(validator.peer.offer(miner.hotkey, huge))).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    await miner.peer.stop();
    expect(await failure(validator.peer.offer(miner.hotkey, OFFER))).toEqual({
      name: 'TransientError',
      code: 'PEER_UNREACHABLE',
    });
  });

  it('connects again after the other side restarted with the same key', async () => {
    const miner = await network.start({ handlers: accepting });
    const validator = await network.start({ permit: true });
    expect(await validator.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
    await miner.peer.stop();
    await network.start({ identity: miner.identity, hotkey: miner.signer, handlers: accepting });
    expect(await validator.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
  });

  it('lets the caller abort without harm to the connection', async () => {
    let aborted: unknown;
    const miner = await network.start({
      handlers: {
        ...accepting,
        onStatus: (_, __, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              aborted = signal.reason;
              reject(signal.reason);
            });
          }),
      },
    });
    const validator = await network.start({ permit: true });
    await validator.peer.offer(miner.hotkey, OFFER);
    const call = validator.peer.status(miner.hotkey, TASK_ID, { signal: AbortSignal.timeout(100) });
    await expect(call).rejects.toThrow(/timeout/);
    await expect.poll(() => String(aborted)).toContain('closed its stream');
    expect(await validator.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
  });
});

describe('handlers that misbehave', () => {
  it('are cut off at their deadline, and the asking side is told so', async () => {
    let reason: unknown;
    const miner = await network.start({
      timeouts: { task: 500 },
      handlers: {
        onOffer: (_, __, signal) => {
          signal.addEventListener('abort', () => {
            reason = signal.reason;
          });
          return new Promise(() => {});
        },
      },
    });
    const validator = await network.start({ permit: true });
    const answer = await failure(validator.peer.offer(miner.hotkey, OFFER));
    expect(answer).toEqual({ name: 'TransientError', code: 'PEER_UNAVAILABLE', peerCode: 'UNAVAILABLE' });
    expect(reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('time out at the asking side when the other one is silent', async () => {
    const handlers: PeerHandlers = { onOffer: () => new Promise(() => {}) };
    const miner = await network.start({ handlers });
    const validator = await network.start({ permit: true, timeouts: { task: 300 } });
    const started = performance.now();
    expect(await failure(validator.peer.offer(miner.hotkey, OFFER))).toMatchObject({ code: 'PEER_TIMEOUT' });
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('keep their messages at home', async () => {
    const miner = await network.start({
      handlers: {
        onOffer: async () => {
          throw new Error('secret path');
        },
        onStatus: async () => ({ state: 'nonsense' }) as never,
      },
    });
    const validator = await network.start({ permit: true });
    const error: Error = await validator.peer.offer(miner.hotkey, OFFER).then(
      () => new Error('no failure'),
      (e) => e,
    );
    expect(error).toMatchObject({ code: 'PEER_FAILED' });
    expect(error.message).not.toContain('secret');
    expect(await failure(validator.peer.status(miner.hotkey, TASK_ID))).toMatchObject({ code: 'PEER_FAILED' });
  });
});

describe('quotas and permits', () => {
  it('limits requests per hotkey and says when to come back', async () => {
    const miner = await network.start({ handlers: accepting, quotas: { task: { limit: 3, perMs: 60_000 } } });
    const [first, second] = [await network.start({ permit: true }), await network.start({ permit: true })];
    for (let i = 0; i < 3; i += 1) await first.peer.offer(miner.hotkey, OFFER);
    await expect(first.peer.offer(miner.hotkey, OFFER)).rejects.toMatchObject({
      name: 'TransientError',
      code: 'PEER_RATE_LIMITED',
      details: { retryAfterMs: expect.closeTo(20_000, -3.5) },
    });
    expect(await second.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
  });

  it('refuses offers and status requests of a hotkey without a permit, and looks at it each time', async () => {
    let asked = 0;
    const miner = await network.start({
      handlers: {
        onOffer: async () => {
          asked += 1;
          return { accept: true };
        },
        onStatus: async () => ({ state: 'queued' }),
      },
    });
    const other = await network.start();
    const refused = { name: 'BadInputError', code: 'PEER_REFUSED', peerCode: 'PERMIT_NEEDED' };
    expect(await failure(other.peer.offer(miner.hotkey, OFFER))).toEqual(refused);
    expect(await failure(other.peer.status(miner.hotkey, TASK_ID))).toEqual(refused);
    network.directory.change(other.hotkey, { permit: true });
    expect(await other.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
    network.directory.change(other.hotkey, { permit: false });
    expect(await failure(other.peer.offer(miner.hotkey, OFFER))).toEqual(refused);
    expect(asked).toBe(1);
  });
});

describe('a changing metagraph', () => {
  it('refuses a hotkey that lost its entry on its next request', async () => {
    const miner = await network.start({ handlers: accepting });
    const validator = await network.start({ permit: true });
    await validator.peer.offer(miner.hotkey, OFFER);
    network.directory.entries.delete(validator.hotkey);
    const answer = await failure(validator.peer.offer(miner.hotkey, OFFER));
    expect(answer).toEqual({ name: 'BadInputError', code: 'PEER_REFUSED', peerCode: 'NOT_REGISTERED' });
    // The refusal closed the connection, and the gater keeps the next one out.
    expect(await failure(validator.peer.offer(miner.hotkey, OFFER))).toMatchObject({ code: 'PEER_UNREACHABLE' });
  });

  it('closes connections of departed hotkeys on refresh, and no others', async () => {
    const miner = await network.start({ handlers: accepting, quotas: { hello: { limit: 1, perMs: 600_000 } } });
    const [leaving, staying] = [await network.start({ permit: true }), await network.start({ permit: true })];
    await leaving.peer.offer(miner.hotkey, OFFER);
    await staying.peer.offer(miner.hotkey, OFFER);
    const entry = network.directory.entries.get(leaving.hotkey)!;
    network.directory.entries.delete(leaving.hotkey);
    await miner.peer.refresh();
    network.directory.set(entry);
    // With one hello per ten minutes, only a connection that stayed open still works.
    expect(await staying.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
    expect(await failure(leaving.peer.offer(miner.hotkey, OFFER))).toMatchObject({ code: 'PEER_RATE_LIMITED' });
  });

  it('follows a hotkey to its new key', async () => {
    const old = await network.start({ handlers: accepting });
    const validator = await network.start({ permit: true });
    await validator.peer.offer(old.hotkey, OFFER);
    // The same hotkey with a new key and port: the entry is replaced.
    await network.start({
      hotkey: old.signer,
      handlers: { onOffer: async () => ({ accept: false, reason: 'draining', message: 'the new one' }) },
    });
    await validator.peer.refresh();
    expect(await validator.peer.offer(old.hotkey, OFFER)).toMatchObject({ message: 'the new one' });
    expect(await failure(old.peer.connect(validator.hotkey))).toMatchObject({ code: 'PEER_UNREACHABLE' });
  });

  it('is not disturbed by a hotkey that publishes a copy of another one’s key', async () => {
    const miner = await network.start({ handlers: accepting });
    const copycat = (await signerOf(77)).address;
    const { publicKey } = (await network.start({ stranger: true })).identity;
    network.directory.set({ hotkey: copycat, host: '127.0.0.1', port: 1, publicKey, permit: false });
    const validator = await network.start({ permit: true });
    network.directory.change(copycat, { publicKey: validator.identity.publicKey });
    expect(network.directory.byPeerKey(validator.identity.publicKey)!.hotkey).toBe(copycat);
    expect(await validator.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
  });
});

describe('certificates', () => {
  it('are renewed over the open connection when they run out', async () => {
    let now = 1_790_000_000_000;
    const clock = () => now;
    const asked: string[] = [];
    const miner = await network.start({
      now: clock,
      handlers: {
        onOffer: async (from) => {
          asked.push(from.hotkey);
          return { accept: true };
        },
      },
    });
    const validator = await network.start({ permit: true, now: clock });
    await validator.peer.offer(miner.hotkey, OFFER);
    now += 26 * 3_600_000;
    expect(await validator.peer.offer(miner.hotkey, OFFER)).toEqual({ accept: true });
    expect(asked).toEqual([validator.hotkey, validator.hotkey]);
  });

  it('of peers whose clock is far off are refused, and the asking side learns why', async () => {
    const miner = await network.start({ handlers: accepting });
    const validator = await network.start({ permit: true, now: () => Date.now() - 3 * 24 * 3_600_000 });
    expect(await failure(validator.peer.offer(miner.hotkey, OFFER))).toEqual({
      name: 'BadInputError',
      code: 'PEER_REFUSED',
      peerCode: 'HELLO_TIME_WINDOW',
    });
  });
});

describe('start and stop', () => {
  it('names an occupied port in one line', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    network.defer(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as { port: number };
    const error: Error & { code?: string } = await network.start({ listen: { host: '127.0.0.1', port } }).then(
      () => new Error('it started'),
      (reason) => reason,
    );
    expect(error).toMatchObject({ name: 'OperatorError', code: 'PORT_IN_USE' });
    expect(error.message).toContain(String(port));
    expect(error.message).not.toContain('\n');
    const host = await failure(network.start({ listen: { host: 'localhost', port: 0 } }));
    expect(host).toEqual({ name: 'OperatorError', code: 'LISTEN_FAILED' });
    const elsewhere = await failure(network.start({ listen: { host: '192.0.2.1', port: 0 } }));
    expect(elsewhere).toEqual({ name: 'OperatorError', code: 'LISTEN_FAILED' });
  });

  it('stops with open streams: handlers are aborted, callers told, the port is free again', async () => {
    let started = () => {};
    const running = new Promise<void>((resolve) => {
      started = resolve;
    });
    let handlerReason: unknown;
    const miner = await network.start({
      handlers: {
        onOffer: (_, __, signal) => {
          started();
          signal.addEventListener('abort', () => {
            handlerReason = signal.reason;
          });
          return new Promise(() => {});
        },
      },
    });
    const validator = await network.start({ permit: true });
    const asked = failure(validator.peer.offer(miner.hotkey, OFFER));
    await running;
    const before = performance.now();
    await miner.peer.stop();
    await miner.peer.stop();
    expect(performance.now() - before).toBeLessThan(2_500);
    expect(handlerReason).toMatchObject({ code: 'PEER_STOPPED' });
    expect(await asked).toMatchObject({ code: 'PEER_UNREACHABLE' });
    await network.start({ listen: { host: '127.0.0.1', port: miner.peer.port } });
  });

  it('rejects waiting and later calls of a stopped peer', async () => {
    const miner = await network.start({ handlers: { onOffer: () => new Promise(() => {}) } });
    const validator = await network.start({ permit: true });
    const asked = failure(validator.peer.offer(miner.hotkey, OFFER));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await validator.peer.stop();
    expect(await asked).toMatchObject({ code: 'PEER_STOPPED' });
    expect(await failure(validator.peer.offer(miner.hotkey, OFFER))).toMatchObject({ code: 'PEER_STOPPED' });
  });
});
