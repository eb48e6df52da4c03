import { setMaxListeners } from 'node:events';
import {
  errorCode,
  errorMessage,
  isTuningError,
  type Logger,
  OperatorError,
  sleep,
  TransientError,
  withDeadline,
} from '@tuning/kit';
import { isStatePruned } from './chain-error.ts';
import { endpointFault, isLie } from './endpoint-fault.ts';
import { EndpointRing } from './endpoint-ring.ts';
import { orAborted } from './or-aborted.ts';
import { RpcError } from './rpc-socket.ts';
import { openSession, type Session } from './session.ts';

const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 10_000;
/** How often a better endpoint than the present one is tried again. */
const RETURN_MS = 600_000;
/** A read is asked of so many sessions before its bad answer is believed. */
const READ_TRIES = 3;
/** Rounds in which every endpoint lied, after which connecting is given up. */
const LYING_ROUNDS = 2;

export interface ConnectionOptions {
  endpoints: readonly string[];
  logger: Logger;
  /** For the first connection in all, and for each later attempt. */
  connectTimeoutMs: number;
  callTimeoutMs: number;
  /** The chain that every endpoint must serve; default the one that the first good endpoint serves. */
  genesisHash?: string | undefined;
  pingMs?: number | undefined;
  returnMs?: number | undefined;
}

/** Judges a session before it is used. @throws an endpoint's fault. */
export type Vet = (session: Session, signal: AbortSignal) => Promise<void>;

/**
 * Keeps one session open: when it is lost, the next endpoint is tried, for ever, until `close`. While a later endpoint
 * serves, the ones before it are tried again from time to time: their order is the operator's preference.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #ring: EndpointRing;
  readonly #vet: Vet;
  readonly #end = new AbortController();
  readonly #onSession = new Set<(session: Session) => void>();
  readonly #waiting = new Set<{ resolve: (session: Session) => void; reject: (error: unknown) => void }>();
  readonly #return: NodeJS.Timeout;
  #session: Session | undefined;
  #last: Session | undefined;
  #returning = false;

  /** `vet` sees every session before anybody else does. */
  constructor(options: ConnectionOptions, vet: Vet = async () => {}) {
    this.#options = options;
    setMaxListeners(0, this.#end.signal);
    this.#ring = new EndpointRing(options.endpoints);
    this.#vet = vet;
    this.#return = setInterval(() => void this.#goBack(), options.returnMs ?? RETURN_MS);
    this.#return.unref();
  }

  /**
   * The first connection; endpoints are tried in turn until `connectTimeoutMs` is over.
   * @throws OperatorError `CHAIN_UNREACHABLE` naming the last reason of each; `CHAIN_BAD_ENDPOINT` at once;
   * `CHAIN_NOT_SUBTENSOR` and `CHAIN_OTHER_CHAIN` when no endpoint is better.
   */
  async open(signal?: AbortSignal): Promise<Session> {
    const { endpoints, connectTimeoutMs } = this.#options;
    if (endpoints.length === 0) throw new OperatorError('CHAIN_BAD_ENDPOINT', 'no chain endpoint was given');
    const until = Date.now() + connectTimeoutMs;
    // One that accepts and stays silent must leave the others their time.
    const share = Math.max(FIRST_BACKOFF_MS, connectTimeoutMs / endpoints.length);
    const reasons = new Map<string, unknown>();
    let rounds = 0;
    for (let backoff = FIRST_BACKOFF_MS; ; backoff = Math.min(backoff * 2, 2_000)) {
      for (const endpoint of endpoints) {
        const ms = Math.min(share, until - Date.now());
        if (ms <= 0) break;
        try {
          return this.#adopt(await this.#attempt(endpoint, ms, signal));
        } catch (error) {
          signal?.throwIfAborted();
          if (errorCode(error) === 'CHAIN_BAD_ENDPOINT') throw error;
          if (errorCode(error) !== 'DEADLINE_EXCEEDED' || !reasons.has(endpoint)) reasons.set(endpoint, error);
        }
      }
      const known = [...reasons.values()];
      if (known.length === endpoints.length && known.every((error) => error instanceof OperatorError)) throw known[0];
      // Waiting cures no lie: twice, in case a node was just starting.
      if (endpoints.every((endpoint) => isLie(errorCode(reasons.get(endpoint)))) && ++rounds >= LYING_ROUNDS) break;
      if (Date.now() + backoff >= until) break;
      await sleep(backoff, signal);
    }
    throw unreachable(endpoints, reasons, connectTimeoutMs);
  }

  /** The session now or the newest one there was (for metadata); `open` must have succeeded. */
  get latest(): Session {
    return this.#last!;
  }

  /** The session now, if there is one. */
  get current(): Session | undefined {
    return this.#session;
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

  /** Ends a session; a new one follows, of the next endpoint unless `stay`. */
  drop(session: Session, reason: string | Error, { stay = false } = {}): void {
    if (stay && session === this.#session) this.#ring.stay();
    session.socket.close(reason);
  }

  /**
   * Runs reads with a deadline; when the connection is lost under them, or its answer cannot be true, they are run again
   * on the next one.
   * @throws TransientError `DEADLINE_EXCEEDED` | `CHAIN_RPC_ERROR` | `CHAIN_STATE_PRUNED` | `CHAIN_CLOSED` |
   * `CHAIN_BAD_ANSWER` | `CHAIN_HASH_MISMATCH`; BadInputError `CHAIN_UNEXPECTED_VALUE`; the signal's reason.
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
        for (let badAnswers = 0; ; ) {
          signal.throwIfAborted();
          const session = await orAborted(this.session(), signal);
          try {
            return await orAborted(work(session, signal), session.socket.closed);
          } catch (error) {
            this.#end.signal.throwIfAborted();
            if (session.socket.closed.aborted) continue;
            const failure = readFailure(what, error);
            if (!this.#isBadAnswer(session, failure, ++badAnswers)) throw failure;
          }
        }
      },
      options.signal,
    );
  }

  close(): void {
    const error = new TransientError('CHAIN_CLOSED', 'the chain client was closed');
    clearInterval(this.#return);
    this.#end.abort(error);
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
    this.#session?.socket.close('closed by us');
    this.#session = undefined;
  }

  /**
   * Leaves an endpoint for an answer that cannot be true, or that only it may give. What all endpoints answer alike is no
   * endpoint's fault: then the answer is thrown.
   */
  #isBadAnswer(session: Session, failure: Error, times: number): boolean {
    const code = errorCode(failure);
    const certain = code !== 'CHAIN_BAD_ANSWER' && isLie(code);
    const doubtful = code === 'CHAIN_BAD_ANSWER' || code === 'CHAIN_UNEXPECTED_VALUE';
    if (!certain && !(doubtful && this.#options.endpoints.length > 1)) return false;
    if (this.#ring.isAgreed(failure.message)) return false;
    if (times >= Math.min(READ_TRIES, this.#options.endpoints.length + 1)) {
      this.#ring.agree(failure.message);
      return false;
    }
    const fault = certain ? failure : endpointFault('CHAIN_BAD_ANSWER', failure.message, failure);
    this.#options.logger.warn(
      { endpoint: session.socket.endpoint, fault: errorCode(fault), reason: failure.message },
      'an endpoint gave an answer that cannot be true, leaving it',
    );
    this.drop(session, fault);
    return true;
  }

  /** A session that serves our chain and has passed the vetting. */
  async #attempt(endpoint: string, ms: number, signal?: AbortSignal): Promise<Session> {
    const until = Date.now() + ms;
    let session: Session | undefined;
    try {
      session = await openSession(endpoint, ms, { signal, pingMs: this.#options.pingMs });
      const { genesisHash, socket } = session;
      const expected = this.#options.genesisHash ?? this.#last?.genesisHash ?? genesisHash;
      if (genesisHash !== expected) {
        throw new OperatorError(
          'CHAIN_OTHER_CHAIN',
          `${endpoint} serves another chain (genesis ${genesisHash}, not ${expected}): correct the endpoint`,
        );
      }
      const vetted = session;
      await withDeadline(
        `the first finalised block of ${endpoint}`,
        Math.max(1, until - Date.now()),
        (own) => orAborted(this.#vet(vetted, own), socket.closed),
        signal,
      );
      return session;
    } catch (error) {
      session?.socket.close('it was not good enough');
      const cause = faultOf(error);
      if (isLie(errorCode(cause))) this.#ring.shun(endpoint);
      throw cause;
    }
  }

  #adopt(session: Session): Session {
    const { socket } = session;
    socket.closed.throwIfAborted();
    this.#session = session;
    this.#last = session;
    this.#ring.use(socket.endpoint);
    socket.closed.addEventListener('abort', () => {
      const fault = faultOf(socket.closed.reason);
      if (isLie(errorCode(fault))) this.#ring.shun(socket.endpoint);
      if (this.#session !== session) return;
      this.#session = undefined;
      // Its promise never rejects: every failure inside is another attempt.
      if (!this.#end.signal.aborted) void this.#reconnect(fault);
    });
    for (const { resolve } of this.#waiting) resolve(session);
    this.#waiting.clear();
    for (const handler of this.#onSession) handler(session);
    return session;
  }

  async #reconnect(lost: unknown): Promise<void> {
    const { logger, connectTimeoutMs } = this.#options;
    logger.warn({ reason: errorMessage(lost), fault: errorCode(lost) }, 'lost the chain, reconnecting');
    const told = new Set<string>();
    for (let tries = 1, backoff = FIRST_BACKOFF_MS; !this.#end.signal.aborted; tries++) {
      const endpoint = this.#ring.next();
      try {
        const session = await this.#attempt(endpoint, connectTimeoutMs, this.#end.signal);
        if (this.#end.signal.aborted) {
          session.socket.close('closed by us');
          return;
        }
        logger.info({ endpoint, tries, spec: session.specVersion }, 'connected to the chain again');
        this.#adopt(session);
        return;
      } catch (error) {
        const context = { endpoint, tries, fault: errorCode(error), error: errorMessage(error) };
        // Once per endpoint: an outage of hours must not fill the log.
        const news = !told.has(endpoint) && !this.#end.signal.aborted;
        told.add(endpoint);
        if (news && error instanceof OperatorError) logger.error(context, 'an endpoint cannot be used');
        else if (news) logger.warn(context, 'an endpoint does not work');
        else logger.debug(context, 'could not reconnect yet');
      }
      // After each round; jitter, so that a restarted node is not met by all daemons at once.
      if (tries % this.#options.endpoints.length !== 0) continue;
      await sleep(backoff * (0.5 + Math.random()), this.#end.signal).catch(() => {});
      backoff = Math.min(backoff * 2, LONGEST_BACKOFF_MS);
    }
  }

  /** Returns to an endpoint before the present one, when it works again. */
  async #goBack(): Promise<void> {
    const present = this.#session;
    if (!present || this.#returning) return;
    this.#returning = true;
    try {
      for (const endpoint of this.#ring.preferred(present.socket.endpoint)) {
        const better = await this.#attempt(endpoint, this.#options.connectTimeoutMs, this.#end.signal).catch(
          () => undefined,
        );
        if (!better) continue;
        if (this.#session !== present || this.#end.signal.aborted) {
          better.socket.close('not needed');
          return;
        }
        this.#options.logger.info({ endpoint }, 'back to a preferred endpoint');
        this.#adopt(better);
        present.socket.close('another endpoint is preferred');
        return;
      }
    } finally {
      this.#returning = false;
    }
  }
}

/** The endpoint's fault behind a lost connection, else the error itself. */
function faultOf(error: unknown): unknown {
  return errorCode(error) === 'CHAIN_DISCONNECTED' ? ((error as Error).cause ?? error) : error;
}

function unreachable(endpoints: readonly string[], reasons: ReadonlyMap<string, unknown>, ms: number): OperatorError {
  const told = endpoints.map((endpoint) => {
    const error = reasons.get(endpoint);
    const timedOut = error === undefined || errorCode(error) === 'DEADLINE_EXCEEDED';
    const reason = timedOut ? `no answer within ${ms} ms` : errorMessage(error);
    return { endpoint, reason, code: timedOut ? 'DEADLINE_EXCEEDED' : errorCode(error) };
  });
  const [only] = told;
  const why =
    told.length === 1 ? only!.reason : told.map(({ endpoint, reason }) => `${endpoint}: ${reason}`).join('; ');
  return new OperatorError(
    'CHAIN_UNREACHABLE',
    `cannot reach the chain at ${endpoints.join(', ')} (${why}): start the node or correct the endpoint`,
    { details: { faults: told.map(({ code }) => code) }, cause: reasons.get(endpoints[0]!) },
  );
}

function readFailure(what: string, error: unknown): Error {
  if (isStatePruned(error)) {
    return new TransientError(
      'CHAIN_STATE_PRUNED',
      `${what}: the endpoint does not keep that block (${errorMessage(error)}); an archive endpoint does`,
      { cause: error },
    );
  }
  if (error instanceof RpcError) {
    const message = `${what}: the node answered ${error.code} ${error.message}`;
    return new TransientError('CHAIN_RPC_ERROR', message, { cause: error });
  }
  if (isTuningError(error) || (error instanceof Error && error.name === 'AbortError')) return error as Error;
  // What polkadot.js says of bytes that it cannot decode.
  return endpointFault(
    'CHAIN_BAD_ANSWER',
    `${what}: the endpoint's answer cannot be decoded (${shortly(error)})`,
    error,
  );
}

function shortly(error: unknown): string {
  return errorMessage(error).slice(0, 300);
}
