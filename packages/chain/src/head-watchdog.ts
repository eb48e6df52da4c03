import { errorCode, withDeadline } from '@tuning/kit';
import { headerOf } from './block-header.ts';
import type { Connection } from './connection.ts';
import { endpointFault } from './endpoint-fault.ts';
import type { FinalisedHeads } from './finalised-heads.ts';
import { orAborted } from './or-aborted.ts';
import { RpcError } from './rpc-socket.ts';
import type { Session } from './session.ts';

/** No new finalised block for so long: the endpoint is asked whether there is none. */
export const SILENCE_MS = 20_000;
const SHORTEST_CHECK_MS = 50;
const LONGEST_CHECK_MS = 1_000;

/**
 * Longest time in ms after which a dead connection or a subscription that has gone silent is noticed, on a chain that
 * makes blocks: the silence, the next check and the time that the question may take.
 */
export function noticedWithinMs(silenceMs = SILENCE_MS): number {
  return silenceMs + checkMs(silenceMs) + probeMs(silenceMs);
}

/** Time that the endpoint has for the answer, of which half is left to its subscription to come after. */
function probeMs(silenceMs: number): number {
  return silenceMs / 4;
}

function checkMs(limitMs: number): number {
  return Math.max(SHORTEST_CHECK_MS, Math.min(LONGEST_CHECK_MS, limitMs / 8));
}

/**
 * Judges the connection by the finalised head, not by the state of the socket. When no block has come for a while the
 * endpoint is asked for its newest: one that does not answer, or that knows a newer block than its subscription told, is
 * left at once. One that answers and has none is on a chain that stands still, or is cut off from it; that one is left
 * when the head is older than the limit.
 */
export class HeadWatchdog {
  readonly #connection: Connection;
  readonly #heads: FinalisedHeads;
  readonly #silenceMs: number;
  readonly #limitMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #lastDrop = 0;
  #lastProbe = 0;
  #probing = false;

  constructor(connection: Connection, heads: FinalisedHeads, silenceMs: number, limitMs: () => number) {
    this.#connection = connection;
    this.#heads = heads;
    this.#silenceMs = silenceMs;
    this.#limitMs = limitMs;
  }

  start(): void {
    this.#timer = setInterval(() => this.#check(), checkMs(Math.min(this.#silenceMs, this.#limitMs())));
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const session = this.#connection.current;
    if (!session) return;
    const limit = this.#limitMs();
    const age = this.#heads.ageMs;
    const now = Date.now();
    if (age > limit && now - this.#lastDrop > limit) {
      this.#lastDrop = now;
      const what = `no finalised block for ${Math.round(age / 100) / 10} s`;
      this.#connection.drop(session, endpointFault('CHAIN_STALE', what));
    } else if (age > this.#silenceMs && now - this.#lastProbe > this.#silenceMs && !this.#probing) {
      this.#lastProbe = now;
      void this.#probe(session);
    }
  }

  async #probe(session: Session): Promise<void> {
    this.#probing = true;
    const ms = probeMs(this.#silenceMs);
    try {
      const newest = await withDeadline('whether the endpoint is alive', ms / 2, () => newestFinalised(session));
      if (newest <= this.#heads.announced(session)) return;
      await new Promise((resolve) => setTimeout(resolve, ms / 2));
      if (newest <= this.#heads.announced(session)) return;
      const what = `the endpoint has finalised block ${newest}, and its subscription stopped at ${this.#heads.announced(session)}`;
      this.#connection.drop(session, endpointFault('CHAIN_SILENT', what));
    } catch (error) {
      if (error instanceof RpcError || session.socket.closed.aborted) return;
      const silent = errorCode(error) === 'DEADLINE_EXCEEDED';
      this.#connection.drop(
        session,
        silent ? endpointFault('CHAIN_SILENT', `the endpoint did not answer within ${ms / 2} ms`) : (error as Error),
      );
    } finally {
      this.#probing = false;
    }
  }
}

async function newestFinalised({ socket }: Session): Promise<number> {
  const read = async () => {
    const hash = await socket.request('chain_getFinalizedHead', []);
    return headerOf(await socket.request('chain_getHeader', [hash])).number;
  };
  return orAborted(read(), socket.closed);
}
