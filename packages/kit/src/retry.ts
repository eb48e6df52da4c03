import pRetry from 'p-retry';
import { sleep } from './deadline.ts';
import type { Logger } from './logger.ts';

export interface RetryOptions {
  /** Total tries, the first included. Default 5. */
  attempts?: number;
  /** First wait in ms; doubles each time. Of each wait a random half at most is left out, the longest ones too. Default 500. */
  baseMs?: number;
  /** Longest single wait in ms. Default 15 000. */
  maxMs?: number;
  /** Total time in ms after which no further try starts. Default none. */
  withinMs?: number;
  /** Default: everything but OperatorError and BadInputError. */
  shouldRetry?: (error: Error) => boolean;
  /** Extra wait that a server asked for (Retry-After), in ms. */
  retryAfterMs?: (error: Error) => number | undefined;
  signal?: AbortSignal;
  logger?: Logger;
  /** Named in the log line. */
  what?: string;
}

const FINAL = new Set(['OperatorError', 'BadInputError', 'AbortError']);

/** Runs `work` until it succeeds, with exponential backoff and jitter (p-retry). Throws the last error. */
export async function retry<T>(work: (attempt: number) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { attempts = 5, baseMs = 500, maxMs = 15_000, withinMs, shouldRetry, retryAfterMs, signal, logger } = options;
  const begun = Date.now();
  return pRetry(work, {
    retries: attempts - 1,
    // p-retry's own jitter ends where its waits reach the longest: many that wait for one service would ask it at once.
    minTimeout: 0,
    ...(withinMs === undefined ? {} : { maxRetryTime: withinMs }),
    ...(signal ? { signal } : {}),
    // Not in onFailedAttempt: that comes before an error which is final, too.
    shouldRetry: async ({ error, attemptNumber, retriesLeft }) => {
      if (!(shouldRetry ? shouldRetry(error) : !FINAL.has(error.name))) return false;
      logger?.debug(
        { what: options.what, attempt: attemptNumber, left: retriesLeft, error: error.message },
        'retrying',
      );
      const wait = Math.min(maxMs, baseMs * 2 ** (attemptNumber - 1)) * (0.5 + Math.random() / 2);
      const within = withinMs === undefined ? wait : Math.min(wait, Math.max(0, begun + withinMs - Date.now()));
      await sleep(within + (retryAfterMs?.(error) ?? 0), signal);
      return true;
    },
  });
}
