import { errorMessage, type Logger, OperatorError, sleep, TransientError, withDeadline } from '@tuning/kit';
import { isStatePruned } from './chain-error.ts';
import { orAborted } from './or-aborted.ts';
import { RpcError } from './rpc-socket.ts';
import { openSession, type Session } from './session.ts';

const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 10_000;

export interface ConnectionOptions {
  endpoints: readonly string[];
  logger: Logger;
  /** For the first connection in all, and for each later attempt. */
  connectTimeoutMs: number;
  callTimeoutMs: number;
}

/** Keeps one session open: when it is lost, the next endpoint is tried, for ever, until `close`. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #end = new AbortController();
  readonly #onSession = new Set<(session: Session) => void>();
  readonly #waiting = new Set<{ resolve: (session: Session) => void; reject: (error: unknown) => void }>();
  #session: Session | undefined;
  #last: Session | undefined;
  #nextEndpoint = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /**
   * The first connection; endpoints are tried in turn until `connectTimeoutMs` is over.
   * @throws OperatorError `CHAIN_UNREACHABLE` naming the last reason, and those of a wrong endpoint at once.
   */
  async open(signal?: AbortSignal): Promise<Session> {
    const { endpoints, connectTimeoutMs } = this.#options;
    if (endpoints.length === 0) throw new OperatorError('CHAIN_BAD_ENDPOINT', 'no chain endpoint was given');
    const until = Date.now() + connectTimeoutMs;
    let reason = `no answer within ${connectTimeoutMs} ms`;
    for (let backoff = FIRST_BACKOFF_MS; ; backoff = Math.min(backoff * 2, 2_000)) {
      try {
        return this.#adopt(await this.#attempt(Math.max(1, until - Date.now()), signal));
      } catch (error) {
        if (error instanceof OperatorError) throw error;
        signal?.throwIfAborted();
        if ((error as { code?: unknown }).code !== 'DEADLINE_EXCEEDED') reason = errorMessage(error);
      }
      if (Date.now() + backoff >= until) break;
      await sleep(backoff, signal);
    }
    throw new OperatorError(
      'CHAIN_UNREACHABLE',
      `cannot reach the chain at ${endpoints.join(', ')} (${reason}): start the node or correct the endpoint`,
    );
  }

  /** The session now or the newest one there was (for metadata); `open` must have succeeded. */
  get latest(): Session {
    return this.#last!;
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  /** Called for each session after the first, and at once for the one that is open. */
  onSession(handler: (session: Session) => void): void {
    this.#onSession.add(handler);
    if (this.#session) handler(this.#session);
  }

  /** The open session, or the next one. */
  session(): Promise<Session> {
    if (this.#end.signal.aborted) return Promise.reject(this.#end.signal.reason);
    if (this.#session) return Promise.resolve(this.#session);
    return new Promise((resolve, reject) => this.#waiting.add({ resolve, reject }));
  }

  /** Ends the present session; a new one follows. */
  drop(session: Session, reason: string): void {
    session.socket.close(reason);
  }

  /**
   * Runs reads with a deadline; when the connection is lost under them, they are run again on the next one.
   * @throws TransientError `DEADLINE_EXCEEDED` | `CHAIN_RPC_ERROR` | `CHAIN_STATE_PRUNED` | `CHAIN_CLOSED`.
   */
  run<T>(
    what: string,
    work: (session: Session, signal: AbortSignal) => Promise<T>,
    options: { signal?: AbortSignal | undefined; ms?: number | undefined } = {},
  ): Promise<T> {
    return withDeadline(
      what,
      options.ms ?? this.#options.callTimeoutMs,
      async (signal) => {
        for (;;) {
          signal.throwIfAborted();
          const session = await this.session();
          try {
            return await orAborted(work(session, signal), session.socket.closed);
          } catch (error) {
            if (error instanceof RpcError || isStatePruned(error)) throw readFailure(what, error as Error);
            if (!session.socket.closed.aborted || this.#end.signal.aborted) throw error;
          }
        }
      },
      options.signal,
    );
  }

  close(): void {
    const error = new TransientError('CHAIN_CLOSED', 'the chain client was closed');
    this.#end.abort(error);
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
    this.#session?.socket.close('closed by us');
    this.#session = undefined;
  }

  #attempt(ms: number, signal?: AbortSignal): Promise<Session> {
    const { endpoints } = this.#options;
    const endpoint = endpoints[this.#nextEndpoint++ % endpoints.length]!;
    return openSession(endpoint, ms, signal);
  }

  #adopt(session: Session): Session {
    session.socket.closed.throwIfAborted();
    this.#session = session;
    this.#last = session;
    session.socket.closed.addEventListener('abort', () => {
      if (this.#session !== session) return;
      this.#session = undefined;
      // Its promise never rejects: every failure inside is another attempt.
      if (!this.#end.signal.aborted) void this.#reconnect(errorMessage(session.socket.closed.reason));
    });
    for (const { resolve } of this.#waiting) resolve(session);
    this.#waiting.clear();
    for (const handler of this.#onSession) handler(session);
    return session;
  }

  async #reconnect(reason: string): Promise<void> {
    const { logger, connectTimeoutMs } = this.#options;
    const genesis = this.#last?.genesisHash;
    logger.warn({ reason }, 'lost the chain, reconnecting');
    for (let tries = 1, backoff = FIRST_BACKOFF_MS; !this.#end.signal.aborted; tries++) {
      try {
        const session = await this.#attempt(connectTimeoutMs, this.#end.signal);
        if (session.genesisHash === genesis) {
          logger.info(
            { endpoint: session.socket.endpoint, tries, spec: session.specVersion },
            'connected to the chain again',
          );
          this.#adopt(session);
          return;
        }
        session.socket.close('another chain');
        logger.error(
          { endpoint: session.socket.endpoint, genesis: session.genesisHash },
          'endpoint serves another chain',
        );
      } catch (error) {
        logger.debug({ tries, error: errorMessage(error) }, 'could not reconnect yet');
      }
      // Jitter, so that a restarted node is not met by all daemons at once.
      await sleep(backoff * (0.5 + Math.random()), this.#end.signal).catch(() => {});
      backoff = Math.min(backoff * 2, LONGEST_BACKOFF_MS);
    }
  }
}

function readFailure(what: string, error: Error): TransientError {
  if (isStatePruned(error)) {
    return new TransientError(
      'CHAIN_STATE_PRUNED',
      `${what}: the endpoint does not keep that block (${error.message}); an archive endpoint does`,
      { cause: error },
    );
  }
  const code = error instanceof RpcError ? `${error.code} ` : '';
  return new TransientError('CHAIN_RPC_ERROR', `${what}: the node answered ${code}${error.message}`, { cause: error });
}
