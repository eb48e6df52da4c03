import type { Connection, Libp2p } from '@libp2p/interface';
import { BadInputError, errorCode, errorMessage, TransientError, withDeadline } from '@tuning/kit';
import type { z } from 'zod';
import type { DirectoryEntry, PeerDirectory } from './directory.ts';
import { readAnswer, transfer } from './exchange.ts';
import { toJson } from './frames.ts';
import { withSignals } from './linked-signal.ts';
import { addressOf } from './node.ts';
import { peerIdOf, sameBytes } from './peer-key.ts';
import type { ProtocolSpec, Protocols } from './protocols.ts';
import type { Sessions } from './sessions.ts';

/** Requests in a row without an answer after which a connection counts as dead (half-open after a host crash). */
const MISSES_UNTIL_ABORT = 2;

export interface ClientContext {
  readonly node: Libp2p;
  readonly sessions: Sessions;
  readonly directory: PeerDirectory;
  readonly protocols: Protocols;
  readonly stopping: AbortSignal;
}

/** Asks others: finds or makes the connection, says hello once per connection, one stream per request. */
export class Client {
  readonly #context: ClientContext;
  /** Connections being made, by hotkey: many requests at once must not dial many times. */
  readonly #opening = new Map<string, Promise<Connection>>();
  readonly #misses = new WeakMap<Connection, number>();

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /**
   * One request to a hotkey.
   * @throws BadInputError `PEER_UNKNOWN`, `PEER_REFUSED`, `PEER_BAD_ANSWER`, `PEER_UNSUPPORTED`, `MESSAGE_TOO_LARGE`;
   * TransientError `PEER_UNREACHABLE`, `PEER_TIMEOUT`, `PEER_RATE_LIMITED`, `PEER_UNAVAILABLE`, `PEER_FAILED`,
   * `PEER_IDENTITY_MISMATCH`, `PEER_STOPPED`.
   */
  async request<Request extends z.ZodType, Answer extends z.ZodType>(
    hotkey: string,
    spec: ProtocolSpec<Request, Answer>,
    value: z.infer<Request>,
    callerSignal?: AbortSignal,
  ): Promise<z.infer<Answer>> {
    const bytes = toJson(value);
    if (bytes.length > spec.maxRequestBytes) {
      const message = `a ${spec.method} request of ${bytes.length} bytes is over the limit of ${spec.maxRequestBytes}`;
      throw new BadInputError('MESSAGE_TOO_LARGE', message);
    }
    return withSignals([callerSignal, this.#context.stopping], async (signal) => {
      for (let attempt = 1; ; attempt += 1) {
        const connection = await this.#ready(hotkey, signal);
        try {
          return await this.#exchange(connection, hotkey, spec, bytes, signal);
        } catch (error) {
          if (attempt > 1) throw error;
          const { peerCode } = (error as { details?: { peerCode?: unknown } }).details ?? {};
          // The other side forgot our hello (its clock, its view of the metagraph), or went away and may be back.
          // Asking twice is safe: requests are idempotent by task id.
          if (peerCode === 'HELLO_NEEDED') this.#context.sessions.forget(connection);
          else if (errorCode(error) !== 'PEER_UNREACHABLE' || connection.status === 'open') throw error;
        }
      }
    });
  }

  /** Makes sure that there is an open connection to `hotkey` on which both sides have said hello. */
  async connect(hotkey: string, callerSignal?: AbortSignal): Promise<void> {
    await withSignals([callerSignal, this.#context.stopping], (signal) => this.#ready(hotkey, signal));
  }

  async #ready(hotkey: string, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const entry = this.#context.directory.byHotkey(hotkey);
    if (!entry) {
      const message = `${hotkey} is not in the metagraph, or publishes no peer key`;
      throw new BadInputError('PEER_UNKNOWN', message, { details: { hotkey } });
    }
    const ready = this.#connections(entry).find((connection) => this.#context.sessions.isMutual(connection, hotkey));
    if (ready) return ready;
    let opening = this.#opening.get(hotkey);
    if (!opening) {
      opening = this.#open(entry).finally(() => this.#opening.delete(hotkey));
      this.#opening.set(hotkey, opening);
    }
    // Shared with other callers: our signal ends our wait, not theirs.
    return await untilAborted(opening, signal);
  }

  #connections(entry: DirectoryEntry): Connection[] {
    return this.#context.node
      .getConnections(peerIdOf(entry.publicKey))
      .filter(
        ({ status, remotePeer }) =>
          status === 'open' && sameBytes(remotePeer.publicKey?.raw ?? new Uint8Array(), entry.publicKey),
      );
  }

  async #open(entry: DirectoryEntry): Promise<Connection> {
    const { sessions, protocols, node, stopping } = this.#context;
    const connection = this.#connections(entry)[0] ?? (await this.#dial(entry));
    const own = toJson(sessions.ownHello(connection, node.peerId));
    const theirs = await this.#exchange(connection, entry.hotkey, protocols.hello, own, stopping).catch((error) => {
      // A connection that cannot do a hello is of no use; the next call dials anew.
      if (errorCode(error) !== 'PEER_RATE_LIMITED') connection.abort(new Error('hello failed'));
      throw error;
    });
    const refusal = theirs.hotkey === entry.hotkey ? sessions.accept(connection, theirs) : 'HELLO_WRONG_HOTKEY';
    if (refusal) {
      connection.abort(new Error(refusal));
      throw new TransientError(
        'PEER_IDENTITY_MISMATCH',
        `the peer at ${connection.remoteAddr} does not prove to be ${entry.hotkey} (${refusal})`,
        { details: { hotkey: entry.hotkey, reason: refusal } },
      );
    }
    return connection;
  }

  async #dial(entry: DirectoryEntry): Promise<Connection> {
    const { hotkey, host, port } = entry;
    const address =
      host === undefined || port === 0 ? undefined : addressOf(host, port, peerIdOf(entry.publicKey).toString());
    if (!address) {
      const message = `${hotkey} publishes no address that can be dialled and is not connected to us`;
      throw new TransientError('PEER_UNREACHABLE', message, { details: { hotkey } });
    }
    try {
      return await this.#context.node.dial(address, { signal: this.#context.stopping });
    } catch (error) {
      this.#context.stopping.throwIfAborted();
      const wrongKey = /does not match/.test(errorMessage(error));
      throw new TransientError(
        wrongKey ? 'PEER_IDENTITY_MISMATCH' : 'PEER_UNREACHABLE',
        wrongKey
          ? `the peer at ${host}:${port} has another key than ${hotkey} publishes on chain`
          : `cannot reach ${hotkey} at ${host}:${port}: ${errorMessage(error)}`,
        { cause: error, details: { hotkey, host, port } },
      );
    }
  }

  async #exchange<Answer extends z.ZodType>(
    connection: Connection,
    hotkey: string,
    spec: ProtocolSpec<z.ZodType, Answer>,
    bytes: Uint8Array,
    signal: AbortSignal,
  ): Promise<z.infer<Answer>> {
    let answer: Uint8Array;
    try {
      answer = await withDeadline(
        `${spec.method} of ${hotkey}`,
        spec.timeoutMs,
        (until) => transfer(connection, spec, bytes, until),
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      throw this.#failed(connection, hotkey, spec, error);
    }
    this.#misses.delete(connection);
    return readAnswer(hotkey, spec, answer);
  }

  #failed(connection: Connection, hotkey: string, spec: ProtocolSpec, error: unknown): Error {
    const options = { cause: error, details: { hotkey, method: spec.method } };
    if (errorCode(error) === 'DEADLINE_EXCEEDED') {
      const misses = (this.#misses.get(connection) ?? 0) + 1;
      this.#misses.set(connection, misses);
      if (misses >= MISSES_UNTIL_ABORT) connection.abort(new Error('no answer to several requests'));
      const message = `${hotkey} did not answer ${spec.method} within ${spec.timeoutMs} ms`;
      return new TransientError('PEER_TIMEOUT', message, options);
    }
    if (error instanceof Error && error.name === 'UnsupportedProtocolError') {
      return new BadInputError('PEER_UNSUPPORTED', `${hotkey} does not speak ${spec.id}`, options);
    }
    // A peer whose metagraph does not have our key yet closes right after noise; libp2p shows a dial that worked.
    const hint = spec.method === 'hello' ? ' before the hello (it may not know our key yet)' : '';
    const message = `${hotkey} closed the connection${hint}: ${closeReason(error)}`;
    return new TransientError('PEER_UNREACHABLE', message, options);
  }
}

/** libp2p rejects some reads with the stream's close event instead of an error. */
function closeReason(error: unknown): string {
  return error instanceof Error ? error.message : 'the stream ended';
}

/** Waits for `work`, but no longer than until `signal` aborts. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    if (signal.aborted) stop();
  });
}
