import { withDeadline } from './deadline.ts';
import { errorMessage } from './errors.ts';
import { type Logger, silentLogger } from './logger.ts';

/**
 * Closes what was opened, last opened first. Push right after each resource opens. One slow or failing item does not
 * keep the others from closing. (AsyncDisposableStack is not in Node 20.)
 */
export class ShutdownStack {
  readonly #items: { name: string; close: () => Promise<void> | void }[] = [];
  readonly #logger: Logger;
  readonly #itemMs: number;

  constructor(options: { logger?: Logger; itemMs?: number } = {}) {
    this.#logger = options.logger ?? silentLogger;
    this.#itemMs = options.itemMs ?? 5_000;
  }

  push(name: string, close: () => Promise<void> | void): void {
    this.#items.push({ name, close });
  }

  async close(): Promise<void> {
    for (let item = this.#items.pop(); item; item = this.#items.pop()) {
      const { name, close } = item;
      try {
        await withDeadline(`closing ${name}`, this.#itemMs, async () => close());
      } catch (error) {
        this.#logger.warn({ item: name, error: errorMessage(error) }, 'could not close cleanly');
      }
    }
  }
}
