import { errorMessage } from '@tuning/kit';
import { type BlockHeader, headerOf } from './block-header.ts';
import type { BlockRef } from './block-ref.ts';
import { isStatePruned } from './chain-error.ts';
import { endpointFault } from './endpoint-fault.ts';
import { orAborted } from './or-aborted.ts';
import { RpcError } from './rpc-socket.ts';
import { specVersionAt } from './runtime-version.ts';
import type { Session } from './session.ts';

/** Storage key of System.Number: the hashes of the two names. */
const SYSTEM_NUMBER = '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac';
/** An announced block must be there when it is asked for. */
const CONFIRM_MS = 5_000;

/** What is known of the finalised chain, whoever told it. */
export interface KnownChain {
  readonly newest: BlockRef | undefined;
  hashAt(number: number): string | undefined;
}

/**
 * The finalised heads that one session announces, let through only when they can be true: each is above the one before,
 * continues the chain that is known, and is of a block that the endpoint has. Of heads that come faster than they can be
 * checked only the newest waits, so a flood of them costs no memory.
 */
export class HeadFeed {
  readonly #session: Session;
  readonly #known: KnownChain;
  readonly #onHead: (head: BlockHeader) => void;
  readonly #waiting = new Set<{ number: number; resolve: () => void }>();
  #last: BlockRef | undefined;
  #pending: { header: unknown } | undefined;
  #busy = false;

  constructor(session: Session, known: KnownChain, onHead: (head: BlockHeader) => void) {
    this.#session = session;
    this.#known = known;
    this.#onHead = onHead;
  }

  /** Number of the newest head that passed. */
  get number(): number {
    return this.#last?.number ?? -1;
  }

  /** Takes an announced header; a lie ends the session. */
  take(header: unknown): void {
    this.#pending = { header };
    if (!this.#busy) void this.#work();
  }

  /** Resolves when the endpoint has announced `number` or a later block. */
  async reached(number: number, signal: AbortSignal): Promise<void> {
    if (this.number >= number && this.#last) return;
    let resolve = () => {};
    const done = new Promise<void>((found) => {
      resolve = found;
    });
    const waiter = { number, resolve };
    this.#waiting.add(waiter);
    try {
      await orAborted(done, signal);
    } finally {
      this.#waiting.delete(waiter);
    }
  }

  async #work(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#pending) {
        const { header } = this.#pending;
        this.#pending = undefined;
        await this.#check(readHeader(header));
      }
    } catch (error) {
      this.#session.socket.close(error instanceof Error ? error : String(error));
    } finally {
      this.#busy = false;
    }
  }

  async #check(head: BlockHeader): Promise<void> {
    const last = this.#last;
    if (last && (head.number < last.number || (head.number === last.number && head.hash !== last.hash))) {
      throw endpointFault(
        'CHAIN_HEAD_WENT_BACK',
        `the finalised head went back from block ${last.number} (${last.hash}) to ${head.number} (${head.hash})`,
      );
    }
    const { newest } = this.#known;
    const known = this.#known.hashAt(head.number);
    const parent = head.number === (newest?.number ?? -2) + 1 ? newest?.hash : this.#known.hashAt(head.number - 1);
    if ((known ?? head.hash) !== head.hash || (parent ?? head.parentHash) !== head.parentHash) {
      throw forked(head.number);
    }
    if (head.number > (newest?.number ?? -1)) await this.#confirm(head, newest);
    this.#last = head;
    this.#onHead(head);
    for (const waiter of this.#waiting) {
      if (waiter.number <= head.number) waiter.resolve();
    }
  }

  async #confirm(head: BlockHeader, newest: BlockRef | undefined): Promise<void> {
    const gap = newest !== undefined && head.number > newest.number + 1;
    const { socket } = this.#session;
    const asked = Promise.all([
      socket.request('chain_getBlockHash', [head.number]),
      socket.request('state_getStorage', [SYSTEM_NUMBER, head.hash]),
      gap ? socket.request('chain_getBlockHash', [newest.number]) : undefined,
    ]);
    const [hash, number, before] = await orAborted(asked, AbortSignal.timeout(CONFIRM_MS)).catch((error: unknown) => {
      if (error instanceof RpcError && isStatePruned(error)) throw unknownHead(head, error.message);
      if (error instanceof Error && error.name === 'TimeoutError') {
        throw endpointFault('CHAIN_SILENT', `the endpoint announced block ${head.number} and does not answer`);
      }
      throw error;
    });
    if (hash !== head.hash) throw unknownHead(head, `it calls block ${head.number} ${String(hash).slice(0, 80)}`);
    if (numberFrom(number) !== head.number) throw unknownHead(head, 'it has no state of it');
    if (gap && before !== newest.hash) throw forked(newest.number);
    // Reads of this block come soon, and ask for it.
    void specVersionAt(this.#session, head.hash);
  }
}

function readHeader(header: unknown): BlockHeader {
  try {
    return headerOf(header);
  } catch (error) {
    throw endpointFault('CHAIN_BAD_ANSWER', errorMessage(error), error);
  }
}

function unknownHead(head: BlockRef, why: string): Error {
  return endpointFault(
    'CHAIN_HEAD_UNKNOWN',
    `the endpoint announced a finalised block ${head.number} (${head.hash}) that it does not have: ${why}`,
  );
}

function forked(number: number): Error {
  return endpointFault(
    'CHAIN_FORKED',
    `the endpoint's block ${number} is not in the finalised chain that is known here: one of the endpoints lies, or was started anew`,
  );
}

/** A little-endian u32; block 0 may have none. */
function numberFrom(value: unknown): number | undefined {
  if (value === null) return 0;
  if (typeof value !== 'string' || !/^0x[0-9a-f]{8}$/.test(value)) return undefined;
  return Buffer.from(value.slice(2), 'hex').readUInt32LE(0);
}
