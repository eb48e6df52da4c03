/** `work`, or the reason of the first signal that aborts before it settles. Leaves no listener and no unhandled rejection. */
export async function orAborted<T>(work: Promise<T>, ...signals: AbortSignal[]): Promise<T> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      const signal = signals.find((one) => one.aborted);
      if (signal) reject(signal.reason);
    };
  });
  work.catch(() => {});
  for (const signal of signals) signal.addEventListener('abort', stop, { once: true });
  stop();
  try {
    return await Promise.race([aborted, work]);
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', stop);
  }
}
