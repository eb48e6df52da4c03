/** Work that pauses after each small step, so that one body serves callers in a job (at once) and in a daemon (sliced). */
export type Steps<T> = Generator<void, T, void>;

/** Rows of one step where a row takes next to nothing. */
export const QUICK_ROWS = 10_000;

/** Longest stretch of work between two turns of the event loop, in ms; well under the 50 ms a daemon may block. */
const SLICE_MS = 12;

/** Runs all steps at once. */
export function runNow<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Lets the event loop turn whenever more than SLICE_MS have passed since it last did. */
export class Pacer {
  #since = performance.now();

  get due(): boolean {
    return performance.now() - this.#since > SLICE_MS;
  }

  /** @throws the signal's reason when aborted. */
  async turn(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    this.#since = performance.now();
  }
}

/**
 * Runs the steps with pauses for the event loop.
 * @throws the signal's reason when aborted.
 */
export async function runInSlices<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  const pacer = new Pacer();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (pacer.due) await pacer.turn(signal);
  }
}
