import { TransientError } from './errors.ts';

/**
 * Waits `ms` milliseconds.
 * @throws the signal's reason when aborted.
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const done = () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    };
    const timer = setTimeout(done, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/**
 * Runs `work` with an own AbortSignal that fires after `ms` or when `signal` aborts. The returned promise settles at the
 * deadline even if `work` ignores its signal.
 * @throws TransientError `DEADLINE_EXCEEDED` naming `what`.
 */
export async function withDeadline<T>(
  what: string,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  signal?.throwIfAborted();
  const own = new AbortController();
  let onAbort: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new TransientError('DEADLINE_EXCEEDED', `${what} did not finish within ${ms} ms`);
      own.abort(error);
      reject(error);
    }, ms);
    onAbort = () => {
      own.abort(signal?.reason);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const running = work(own.signal);
    running.catch(() => {});
    return await Promise.race([running, limit]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener('abort', onAbort);
  }
}

/**
 * Polls `probe` every `everyMs` until it returns something other than undefined.
 * @throws TransientError `DEADLINE_EXCEEDED` after `ms`.
 */
export function waitFor<T>(
  what: string,
  probe: (signal: AbortSignal) => Promise<T | undefined> | T | undefined,
  options: { ms: number; everyMs: number; signal?: AbortSignal },
): Promise<T> {
  return withDeadline(
    what,
    options.ms,
    async (signal) => {
      for (;;) {
        const value = await probe(signal);
        if (value !== undefined) return value;
        await sleep(options.everyMs, signal);
      }
    },
    options.signal,
  );
}
