import '../src/promise-shim.ts';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '@tuning/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeAnswer, encodeAnswer } from '../src/frames.ts';
import { DEFAULT_QUOTAS, loadPeerIdentity } from '../src/index.ts';
import { libp2pLogger } from '../src/libp2p-logger.ts';
import { withSignals } from '../src/linked-signal.ts';
import { RateLimiter } from '../src/rate-limiter.ts';

describe('RateLimiter', () => {
  it('takes a burst, then one per interval, and says how long to wait', () => {
    let now = 1_000;
    const limiter = new RateLimiter({ ...DEFAULT_QUOTAS, task: { limit: 4, perMs: 1_000 } }, () => now);
    for (let i = 0; i < 4; i += 1) expect(limiter.take('task', 'a')).toBe(0);
    expect(limiter.take('task', 'a')).toBe(250);
    expect(limiter.take('task', 'b'), 'another key').toBe(0);
    expect(limiter.take('status', 'a'), 'another method').toBe(0);
    now += 249;
    expect(limiter.take('task', 'a')).toBe(1);
    now += 1;
    expect(limiter.take('task', 'a')).toBe(0);
    expect(limiter.take('task', 'a')).toBe(250);
    now += 10_000;
    for (let i = 0; i < 4; i += 1) expect(limiter.take('task', 'a')).toBe(0);
    expect(limiter.take('task', 'a')).toBe(250);
  });

  it('never lets more than the quota through, however requests are spread', () => {
    let now = 0;
    const limiter = new RateLimiter({ ...DEFAULT_QUOTAS, task: { limit: 7, perMs: 1_000 } }, () => now);
    let taken = 0;
    for (; now < 10_000; now += 13) if (limiter.take('task', 'a') === 0) taken += 1;
    expect(taken).toBeLessThanOrEqual(7 + 70);
    expect(taken).toBeGreaterThanOrEqual(7 + 68);
  });

  it('forgets keys that are as good as new', () => {
    let now = 0;
    const limiter = new RateLimiter(DEFAULT_QUOTAS, () => now);
    for (let i = 0; i < 50; i += 1) limiter.take('status', `key ${i}`);
    now = 120_000;
    limiter.take('status', 'last');
    expect(limiter.size).toBe(1);
  });
});

describe('loadPeerIdentity', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tuning-identity-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('makes a key once, for us alone, and finds it again', async () => {
    const file = join(folder, 'p2p', 'identity.key');
    const [first, second] = await Promise.all([loadPeerIdentity(file), loadPeerIdentity(file)]);
    const again = await loadPeerIdentity(file);
    expect(new Set([first.peerId, second.peerId, again.peerId]).size).toBe(1);
    expect(again.certificate).toEqual(Uint8Array.of(0xed, ...again.publicKey));
    expect(again.publicKey).toHaveLength(32);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'p2p'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, 'p2p'))).toEqual(['identity.key']);
  });

  it('closes the mode of a key that others could read', async () => {
    const file = join(folder, 'open.key');
    await loadPeerIdentity(file);
    await writeFile(join(folder, 'copy.key'), await readFile(file), { mode: 0o644 });
    await loadPeerIdentity(join(folder, 'copy.key'));
    expect((await stat(join(folder, 'copy.key'))).mode & 0o777).toBe(0o600);
  });

  it('refuses a file that is no key, and one that it cannot make', async () => {
    const file = join(folder, 'bad.key');
    await writeFile(file, 'not a key', { mode: 0o600 });
    await expect(loadPeerIdentity(file)).rejects.toMatchObject({ name: 'OperatorError', code: 'PEER_KEY_INVALID' });
    const below = join(file, 'p2p', 'identity.key');
    await expect(loadPeerIdentity(below)).rejects.toMatchObject({ code: 'PEER_KEY_UNREADABLE' });
  });
});

describe('answers', () => {
  it('carry a status byte and JSON', () => {
    expect(Buffer.from(encodeAnswer(139, { a: 1 })).toString('latin1')).toBe('\x8b{"a":1}');
    expect(decodeAnswer(Buffer.from('\x03{"code":"X"}', 'latin1'))).toEqual({ status: 3, value: { code: 'X' } });
    expect(() => decodeAnswer(new Uint8Array())).toThrow('status byte');
    expect(() => decodeAnswer(Buffer.of(0, 0x7b))).toThrow(SyntaxError);
  });
});

describe('withSignals', () => {
  it('aborts with the reason of the first, and leaves no listener behind', async () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const reason = await withSignals([a.signal, undefined, b.signal], (signal) => {
      b.abort('second');
      return Promise.resolve(signal.reason);
    });
    expect(reason).toBe('second');
    await expect(withSignals([b.signal], () => Promise.resolve(1))).rejects.toBe('second');
    let late: AbortSignal | undefined;
    await withSignals([a.signal], async (signal) => {
      late = signal;
    });
    a.abort();
    expect(late?.aborted).toBe(false);
  });
});

describe('libp2pLogger', () => {
  it('passes lines on, and makes their text only when one is written', () => {
    const lines: [string, object, string][] = [];
    const at = (level: string) => (context: object | string, message?: string) =>
      lines.push([level, context as object, message!]);
    const logger = { ...Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error'].map((l) => [l, at(l)])) };
    let rendered = 0;
    const peer = {
      toString: () => {
        rendered += 1;
        return '12D3';
      },
    };
    const log = libp2pLogger(logger as unknown as Logger)
      .forComponent('libp2p:dial')
      .newScope('queue');
    log('dialling %p, try %d', peer, 2);
    log.error('failed %p - %e', peer, new Error('refused'));
    expect(rendered).toBe(0);
    expect(lines.map(([level, context]) => [level, JSON.stringify(context)])).toEqual([
      ['trace', '{"component":"libp2p:dial:queue","text":"dialling 12D3, try 2"}'],
      ['debug', '{"component":"libp2p:dial:queue","text":"failed 12D3 - refused"}'],
    ]);
  });
});
