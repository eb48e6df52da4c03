import { sleep } from './deadline.ts';
import { isDiskFull } from './disk-full.ts';
import { errorMessage } from './errors.ts';
import type { Logger } from './logger.ts';

/** Time between two tries of a write, in ms. */
const AGAIN_MS = 2_000;

/**
 * Does a write of the store, again and again while the disk is full: what has happened to a job must not be forgotten for want
 * of a few bytes. The operator is told once.
 * @throws any other error at once, and the last one when the signal aborts.
 */
export async function untilThereIsRoom<T>(
  what: string,
  work: () => T | Promise<T>,
  { signal, logger }: { signal: AbortSignal; logger: Logger },
): Promise<T> {
  for (let told = false; ; told = true) {
    try {
      const value = await work();
      if (told) logger.info({ what }, 'the disk has room again');
      return value;
    } catch (error) {
      if (!isDiskFull(error) || signal.aborted) throw error;
      if (!told) logger.error({ what, error: errorMessage(error) }, 'the disk is full: free some space; trying again');
      await sleep(AGAIN_MS, signal).catch(() => {});
    }
  }
}
