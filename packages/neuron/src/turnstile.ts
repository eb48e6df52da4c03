import { HttpError } from './http-server.ts';

/**
 * Lets one piece of heavy work through at a time and a few wait; more are told to come again. Reading a dataset takes
 * memory in proportion to it, so orders must not be read side by side.
 */
export class Turnstile {
  readonly #maxWaiting: number;
  #waiting = 0;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** @throws HttpError 429 BUSY. */
  pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting > this.#maxWaiting)
      throw new HttpError(429, 'BUSY', 'too many orders at once: try again in a minute');
    this.#waiting += 1;
    const next = this.#tail.then(work, work).finally(() => {
      this.#waiting -= 1;
    });
    this.#tail = next.catch(() => {});
    return next;
  }
}
