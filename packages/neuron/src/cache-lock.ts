import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, TransientError } from '@tuning/kit';
import lockfile from 'proper-lockfile';

/** What is done under the lock takes some ms. */
const RETRIES = { retries: 100, factor: 1, minTimeout: 50, maxTimeout: 150 };

/** One holder at a time, among all processes that share a folder. */
export class CacheLock {
  readonly #root: string;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(root: string) {
    this.#root = root;
  }

  /** @throws TransientError CACHE_BUSY. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(() => this.#locked(work));
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    await mkdir(this.#root, { recursive: true });
    const lockfilePath = join(this.#root, '.lock');
    let lost: Error | undefined;
    const release = await lockfile
      .lock(this.#root, {
        lockfilePath,
        retries: RETRIES,
        onCompromised: (error) => {
          lost = error;
        },
      })
      .catch((error: unknown) => {
        if (errorCode(error) !== 'ELOCKED') throw error;
        throw new TransientError('CACHE_BUSY', `another process holds the lock of ${this.#root}`, { cause: error });
      });
    try {
      return await work();
    } finally {
      if (!lost) await release().catch(() => {});
    }
  }
}
