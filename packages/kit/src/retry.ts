import pRetry from 'p-retry';
import { sleep } from './deadline.ts';
import type { Logger } from './logger.ts';

export interface RetryOptions {
  /** Total tries, the first included. Default 5. */
  attempts?: number;
  /** First wait in ms; doubles each time, with jitter. Default 500. */
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
  return pRetry(work, {
    retries: attempts - 1,
    minTimeout: baseMs,
    maxTimeout: maxMs,
    randomize: true,
    ...(withinMs === undefined ? {} : { maxRetryTime: withinMs }),
    ...(signal ? { signal } : {}),
    shouldRetry: ({ error }) => (shouldRetry ? shouldRetry(error) : !FINAL.has(error.name)),
    onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
      if (retriesLeft === 0) return;
      logger?.debug(
        { what: options.what, attempt: attemptNumber, left: retriesLeft, error: error.message },
        'retrying',
      );
      const extra = retryAfterMs?.(error);
      if (extra) await sleep(extra, signal);
    },
  });
}
