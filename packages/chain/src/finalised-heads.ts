import { errorCode, errorMessage, type Logger, TransientError, withDeadline } from '@tuning/kit';
import { type BlockHeader, headerOf } from './block-header.ts';
import type { BlockRef } from './block-ref.ts';
import { blockHash, parseValue } from './chain-values.ts';
import type { Connection } from './connection.ts';
import { endpointFault } from './endpoint-fault.ts';
import { HeadFeed, type KnownChain } from './head-feed.ts';
import { orAborted } from './or-aborted.ts';
import type { Session } from './session.ts';

/** A subscription that does not send its first item is dead (seen after reconnects). */
const FIRST_HEAD_MS = 15_000;
/** Finalised blocks, which never change, of which hash and parent are kept; older ones are asked for again. */
const BLOCKS_KEPT = 4_096;

/** Follows the finalised chain over all sessions; `head` never goes back. */
export class FinalisedHeads implements KnownChain {
  readonly #logger: Logger;
  readonly #handlers = new Set<(block: BlockRef) => void>();
  readonly #blocks = new Map<number, { hash: string; parentHash: string | undefined }>();
  readonly #feeds = new WeakMap<Session, HeadFeed>();
  #connection: Connection | undefined;
  #head: BlockRef | undefined;
  #seenAt = Date.now();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Where hashes are asked for. */
  attach(connection: Connection): void {
    this.#connection = connection;
  }

  /**
   * Follows a new session. Resolves when it has shown a head that is not behind what was seen before.
   * @throws an endpoint's fault, e.g. `CHAIN_STALE`.
   */
  readonly follow = async (session: Session, signal: AbortSignal): Promise<void> => {
    const feed = new HeadFeed(session, this, (head) => this.#advance(head));
    this.#feeds.set(session, feed);
    const wanted = this.#head?.number ?? 0;
    // A new connection gets its own time.
    this.#seenAt = Date.now();
    try {
      await withDeadline(
        'the first finalised block',
        FIRST_HEAD_MS,
        async (own) => {
          const { socket } = session;
          await socket.subscribe('chain_subscribeFinalizedHeads', [], 'chain_unsubscribeFinalizedHeads', (header) =>
            feed.take(header),
          );
          await feed.reached(wanted, own);
        },
        signal,
      );
    } catch (error) {
      if (feed.number < 0 || feed.number >= wanted || !isTimeout(error)) throw error;
      throw endpointFault('CHAIN_STALE', `the endpoint is at block ${feed.number} and the chain at ${wanted}`);
    }
  };

  get newest(): BlockRef | undefined {
    return this.#head;
  }

  hashAt(number: number): string | undefined {
    return this.#blocks.get(number)?.hash ?? this.#blocks.get(number + 1)?.parentHash;
  }

  get head(): BlockRef {
    if (!this.#head) throw new TransientError('CHAIN_DISCONNECTED', 'no finalised block was seen yet');
    return this.#head;
  }

  /** Milliseconds since the head last moved or a connection was made. */
  get ageMs(): number {
    return Date.now() - this.#seenAt;
  }

  /** The newest finalised block that a session has announced; -1 for none. */
  announced(session: Session): number {
    return this.#feeds.get(session)?.number ?? -1;
  }

  on(handler: (block: BlockRef) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Resolves when the finalised head is at `number` or above; `ms` bounds the wait when given. */
  async waitFor(number: number, options: { signal?: AbortSignal; ms?: number } = {}): Promise<BlockRef> {
    const { ended } = this.#attached;
    options.signal?.throwIfAborted();
    ended.throwIfAborted();
    if (this.head.number >= number) return this.head;
    const wait = (own: AbortSignal | undefined) => this.#wait(number, own ? [own, ended] : [ended]);
    if (options.ms === undefined) return wait(options.signal);
    return withDeadline(`block ${number}`, options.ms, wait, options.signal);
  }

  /**
   * Hash of a finalised block: that of a header whose bytes have it, and that is linked to the blocks beside it.
   * @throws TransientError `CHAIN_BLOCK_NOT_FINAL`, `CHAIN_HASH_MISMATCH`, and what reads throw.
   */
  async hashOf(number: number, options: { signal?: AbortSignal | undefined } = {}): Promise<string> {
    if (number > this.head.number) {
      throw new TransientError('CHAIN_BLOCK_NOT_FINAL', `block ${number} is not final yet (head ${this.head.number})`);
    }
    const known = this.hashAt(number);
    if (known !== undefined) return known;
    const what = `the hash of block ${number}`;
    const header = await this.#attached.run(what, (session) => this.#readHeader(session, number), options);
    this.#remember(header);
    return header.hash;
  }

  get #attached(): Connection {
    if (!this.#connection) throw new TransientError('CHAIN_DISCONNECTED', 'there is no connection yet');
    return this.#connection;
  }

  async #readHeader({ socket }: Session, number: number): Promise<BlockHeader> {
    const answer = await socket.request('chain_getBlockHash', [number]);
    if (answer === null) {
      throw new TransientError(
        'CHAIN_STATE_PRUNED',
        `the endpoint does not know block ${number}: an archive endpoint does`,
      );
    }
    const hash = parseValue(blockHash, answer, `hash of block ${number}`);
    const json = await socket.request('chain_getHeader', [hash]);
    if (json === null) {
      throw endpointFault('CHAIN_HASH_MISMATCH', `${socket.endpoint} names block ${number} and has no header of it`);
    }
    const header = headerOf(json);
    const child = this.#blocks.get(number + 1)?.parentHash;
    const parent = this.#blocks.get(number - 1)?.hash;
    if (header.hash !== hash || header.number !== number) {
      throw endpointFault('CHAIN_HASH_MISMATCH', `${hash} is not the hash of the header that ${socket.endpoint} gives`);
    }
    if ((child ?? hash) !== hash || (parent ?? header.parentHash) !== header.parentHash) {
      throw endpointFault(
        'CHAIN_HASH_MISMATCH',
        `block ${number} of ${socket.endpoint} is not linked to its neighbours`,
      );
    }
    return header;
  }

  #advance(block: BlockHeader): void {
    this.#remember(block);
    if (this.#head && block.number <= this.#head.number) return;
    this.#seenAt = Date.now();
    const head = { number: block.number, hash: block.hash };
    this.#head = head;
    for (const handler of [...this.#handlers]) {
      try {
        handler(head);
      } catch (error) {
        this.#logger.error({ error: errorMessage(error), block: head.number }, 'a handler of finalised blocks failed');
      }
    }
  }

  #wait(number: number, signals: readonly AbortSignal[]): Promise<BlockRef> {
    let off = () => {};
    const reached = new Promise<BlockRef>((resolve) => {
      off = this.on((block) => {
        if (block.number >= number) resolve(block);
      });
    });
    return orAborted(reached, ...signals).finally(off);
  }

  #remember({ number, hash, parentHash }: BlockHeader): void {
    this.#blocks.set(number, { hash, parentHash });
    if (this.#blocks.size > BLOCKS_KEPT) {
      const oldest = this.#blocks.keys().next().value;
      if (oldest !== undefined) this.#blocks.delete(oldest);
    }
  }
}

function isTimeout(error: unknown): boolean {
  return errorCode(error) === 'DEADLINE_EXCEEDED';
}
