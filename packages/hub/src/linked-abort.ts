/**
 * A signal that aborts with the first of `sources`, or by hand. Unlike AbortSignal.any it leaves nothing behind on a
 * source that lives as long as the daemon: call `unlink` when done.
 */
export function linkedAbort(...sources: (AbortSignal | null | undefined)[]): {
  signal: AbortSignal;
  abort(reason: unknown): void;
  unlink(): void;
} {
  const own = new AbortController();
  const unlinks: (() => void)[] = [];
  for (const source of sources) {
    if (!source) continue;
    const forward = () => own.abort(source.reason);
    if (source.aborted) forward();
    else {
      source.addEventListener('abort', forward, { once: true });
      unlinks.push(() => source.removeEventListener('abort', forward));
    }
  }
  return {
    signal: own.signal,
    abort: (reason) => own.abort(reason),
    unlink: () => {
      for (const unlink of unlinks) unlink();
    },
  };
}
