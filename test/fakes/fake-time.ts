import { vi } from 'vitest';

/** Replaces timers and the clock; files, the database and `setImmediate` stay real. */
export function useFakeTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
}

/**
 * Jumps from timer to timer, real input and output in between, until `done` says so.
 * @throws Error after `limitMs` of fake time or 25 s of real time.
 */
export async function passTimeUntil(done: () => boolean, limitMs = 24 * 3_600_000): Promise<void> {
  const [start, begun] = [Date.now(), performance.now()];
  while (!done()) {
    if (Date.now() - start > limitMs || performance.now() - begun > 25_000) {
      throw new Error(`did not happen within ${Date.now() - start} ms of fake time`);
    }
    if (vi.getTimerCount() > 0) await vi.advanceTimersToNextTimerAsync();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The result of `work`, with the fake clock running meanwhile. */
export async function inFakeTime<T>(work: Promise<T>, limitMs?: number): Promise<T> {
  let ended = false;
  const end = () => {
    ended = true;
  };
  work.then(end, end);
  await passTimeUntil(() => ended, limitMs);
  return work;
}
