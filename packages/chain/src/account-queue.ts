import { orAborted } from './or-aborted.ts';

/** A nonce read longer ago than this is read again: another program may have used the account since. */
const NONCE_FRESH_MS = 60_000;

/** One account's turn; `release` lets the next writer go, as often as it is called. */
export interface Turn {
  readonly address: string;
  release(): void;
}

/**
 * One writer at a time per account, and the nonces that this process counts itself: the node's answer is cached by
 * clients and lags behind the pool. A turn lasts until the transaction is in a block, so that an account has at most one
 * in each: a second commitment in the same block would overwrite the first without a trace.
 */
export class AccountQueue {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #nonces = new Map<string, { next: number; at: number }>();

  /** @throws the signal's reason when aborted before the turn comes. */
  async turn(address: string, signal: AbortSignal): Promise<Turn> {
    const before = this.#tails.get(address) ?? Promise.resolve();
    let release = () => {};
    const own = new Promise<void>((resolve) => {
      release = resolve;
    });
    const tail = before.then(() => own);
    this.#tails.set(address, tail);
    void tail.then(() => {
      if (this.#tails.get(address) === tail) this.#tails.delete(address);
    });
    try {
      await orAborted(before, signal);
    } catch (error) {
      release();
      throw error;
    }
    return { address, release };
  }

  /** The nonce to use: the counted one while it is fresh, else `read`. */
  async nonce(turn: Turn, read: () => Promise<number>): Promise<number> {
    const known = this.#nonces.get(turn.address);
    if (known && Date.now() - known.at < NONCE_FRESH_MS) return known.next;
    const next = await read();
    this.#nonces.set(turn.address, { next, at: Date.now() });
    return next;
  }

  /** The node took a transaction with `nonce`. */
  used(turn: Turn, nonce: number): void {
    this.#nonces.set(turn.address, { next: nonce + 1, at: Date.now() });
  }

  /** The count is in doubt (stale, unknown outcome): read it again next time. */
  forget(turn: Turn): void {
    this.#nonces.delete(turn.address);
  }

  /** After a reconnect nothing counted before is certain. */
  forgetAll(): void {
    this.#nonces.clear();
  }
}
