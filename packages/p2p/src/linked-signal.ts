/**
 * Runs `work` with a signal that aborts as soon as one of `signals` does. AbortSignal.any would do, but on Node 20 each
 * call on a signal that lives as long as the daemon leaves something behind.
 */
export async function withSignals<T>(
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const releases: (() => void)[] = [];
  try {
    for (const signal of signals) {
      signal?.throwIfAborted();
      const stop = () => own.abort(signal?.reason);
      signal?.addEventListener('abort', stop, { once: true });
      releases.push(() => signal?.removeEventListener('abort', stop));
    }
    return await work(own.signal);
  } finally {
    for (const release of releases) release();
  }
}
