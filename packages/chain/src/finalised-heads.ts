import { type Logger, sleep, TransientError, withDeadline } from '@tuning/kit';
import { blockOfHeader } from './block-header.ts';
import type { BlockRef } from './block-ref.ts';
import { blockHash, parseValue } from './chain-values.ts';
import type { Connection } from './connection.ts';
import type { Session } from './session.ts';

/** A subscription that does not send its first item is dead (seen after reconnects). */
const FIRST_HEAD_MS = 15_000;
/** Hashes kept of finalised blocks, which never change; older ones are asked for again. */
const HASHES_KEPT = 4_096;

/** Follows the finalised chain over all sessions; `head` never goes back. */
export class FinalisedHeads {
  readonly #connection: Connection;
  readonly #logger: Logger;
  readonly #handlers = new Set<(block: BlockRef) => void>();
  readonly #hashes = new Map<number, string>();
  #head: BlockRef | undefined;
  #seenAt = Date.now();

  constructor(connection: Connection, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger;
  }

  /** Follows every session from now on. Resolves with the first head. */
  async start(): Promise<BlockRef> {
    this.#connection.onSession((session) => void this.#follow(session));
    return this.#connection.run('the first finalised block', async (_session, signal) => {
      while (!this.#head) await sleep(10, signal);
      return this.#head;
    });
  }

  get head(): BlockRef {
    if (!this.#head) throw new TransientError('CHAIN_DISCONNECTED', 'no finalised block was seen yet');
    return this.#head;
  }

  /** Milliseconds since the last finalised block arrived or the connection was made. */
  get ageMs(): number {
    return Date.now() - this.#seenAt;
  }

  on(handler: (block: BlockRef) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Takes a block known to be final, e.g. from a transaction's watch, which may be faster than the subscription. */
  advance(block: BlockRef): void {
    this.#seenAt = Date.now();
    this.#remember(block);
    if (this.#head && block.number <= this.#head.number) return;
    this.#head = block;
    for (const handler of [...this.#handlers]) {
      try {
        handler(block);
      } catch (error) {
        this.#logger.error({ error: String(error), block: block.number }, 'a handler of finalised blocks failed');
      }
    }
  }

  /** Resolves when the finalised head is at `number` or above; `ms` bounds the wait when given. */
  async waitFor(number: number, options: { signal?: AbortSignal; ms?: number } = {}): Promise<BlockRef> {
    options.signal?.throwIfAborted();
    this.#connection.ended.throwIfAborted();
    if (this.head.number >= number) return this.head;
    const wait = (own: AbortSignal | undefined) =>
      this.#wait(number, own ? [own, this.#connection.ended] : [this.#connection.ended]);
    if (options.ms === undefined) return wait(options.signal);
    return withDeadline(`block ${number}`, options.ms, wait, options.signal);
  }

  /**
   * Hash of a finalised block.
   * @throws TransientError `CHAIN_BLOCK_NOT_FINAL`, and what reads throw.
   */
  async hashOf(number: number): Promise<string> {
    if (number > this.head.number) {
      throw new TransientError('CHAIN_BLOCK_NOT_FINAL', `block ${number} is not final yet (head ${this.head.number})`);
    }
    const known = this.#hashes.get(number);
    if (known !== undefined) return known;
    const answer = await this.#connection.run(`the hash of block ${number}`, (session) =>
      session.socket.request('chain_getBlockHash', [number]),
    );
    if (answer === null) {
      throw new TransientError(
        'CHAIN_STATE_PRUNED',
        `the endpoint does not know block ${number}: an archive endpoint does`,
      );
    }
    const hash = parseValue(blockHash, answer, `hash of block ${number}`);
    this.#remember({ number, hash });
    return hash;
  }

  #wait(number: number, signals: readonly AbortSignal[]): Promise<BlockRef> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        finish();
        reject(signals.find((signal) => signal.aborted)?.reason);
      };
      const off = this.on((block) => {
        if (block.number < number) return;
        finish();
        resolve(block);
      });
      const finish = () => {
        off();
        for (const signal of signals) signal.removeEventListener('abort', stop);
      };
      for (const signal of signals) signal.addEventListener('abort', stop, { once: true });
    });
  }

  #remember(block: BlockRef): void {
    this.#hashes.set(block.number, block.hash);
    if (this.#hashes.size > HASHES_KEPT) {
      const oldest = this.#hashes.keys().next().value;
      if (oldest !== undefined) this.#hashes.delete(oldest);
    }
  }

  async #follow(session: Session): Promise<void> {
    // A new connection gets its own time: its first head is bounded below.
    this.#seenAt = Date.now();
    try {
      await withDeadline('the first finalised block', FIRST_HEAD_MS, async (signal) => {
        let first = true;
        await new Promise<void>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
          session.socket
            .subscribe('chain_subscribeFinalizedHeads', [], 'chain_unsubscribeFinalizedHeads', (header) => {
              this.advance(blockOfHeader(session, header));
              if (first) resolve();
              first = false;
            })
            .catch(reject);
        });
      });
    } catch (error) {
      this.#connection.drop(
        session,
        `cannot follow finalised blocks: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
}
