import { setMaxListeners } from 'node:events';
import { OperatorError, TransientError } from '@tuning/kit';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { endpointFault } from './endpoint-fault.ts';
import { MessageBudget } from './message-budget.ts';
import { guardMessage, MAX_MESSAGE_BYTES, tooLarge } from './message-guard.ts';

/** A peer that answers no ping for two intervals is taken for dead at the third: 24 s at most. */
export const PING_INTERVAL_MS = 8_000;
/** Notifications kept that arrive before the answer naming their subscription. */
const MAX_EARLY_NOTIFICATIONS = 64;
const MAX_EARLY_BYTES = 1024 * 1024;
/** Questions without an answer; whoever asked has long given up on most of so many. */
const MAX_PENDING = 10_000;

/** An error that the node answered with (JSON-RPC 2.0 error object). */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export interface Subscription {
  /** Tells the node to stop; never throws. */
  stop(): void;
}

const subscriptionId = z.union([z.string().max(256), z.number()]);
const messageSchema = z.object({
  id: z.number().nullish(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }).nullish(),
  method: z.string().optional(),
  params: z
    .object({ subscription: subscriptionId, result: z.unknown().optional(), error: z.unknown().optional() })
    .optional(),
});

type Message = z.infer<typeof messageSchema>;

interface Pending {
  method: string;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** Runs in the same turn as the answer, so that no notification can slip between. */
  onAnswer?: (value: unknown) => void;
}

/**
 * One JSON-RPC WebSocket. It never reconnects: when it ends, `closed` aborts with the reason and all that waits is
 * rejected with TransientError `CHAIN_DISCONNECTED`. polkadot.js' own provider has no ping, no size limit and no way to
 * abort, and throws on malformed messages from inside the socket.
 */
export class RpcSocket {
  readonly endpoint: string;
  readonly #socket: WebSocket;
  readonly #closed = new AbortController();
  readonly #pending = new Map<number, Pending>();
  readonly #subscriptions = new Map<string, (item: unknown) => void>();
  readonly #early = new Map<string, unknown[]>();
  readonly #unasked = new MessageBudget();
  readonly #ping: NodeJS.Timeout;
  #earlyBytes = 0;
  /** Subscriptions asked for and not answered yet: only for these may notifications come early. */
  #subscribing = 0;
  #silentPings = 0;
  #lastId = 0;

  private constructor(endpoint: string, socket: WebSocket, pingMs: number) {
    this.endpoint = endpoint;
    this.#socket = socket;
    // Every request under way listens to it.
    setMaxListeners(0, this.#closed.signal);
    // nodebuffer is the default binary type: never fragments, never an ArrayBuffer.
    socket.on('message', (data) => {
      this.#silentPings = 0;
      this.#take(data as Buffer);
    });
    socket.on('pong', () => {
      this.#silentPings = 0;
      this.#countUnasked(1);
    });
    socket.on('ping', (data) => this.#countUnasked(data.length));
    socket.on('error', (error) => {
      const { code } = error as { code?: unknown };
      if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
        this.close(tooLarge(`has more than ${MAX_MESSAGE_BYTES} bytes`));
      else if (code === 'WS_ERR_TOO_MANY_BUFFERED_PARTS') this.close(tooLarge('comes in too many parts'));
      else this.close(error.message);
    });
    socket.on('close', (code) => this.close(`socket closed (${code})`));
    this.#ping = setInterval(() => {
      if (this.#silentPings >= 2) this.close(endpointFault('CHAIN_SILENT', 'the endpoint went silent'));
      else this.#socket.ping();
      this.#silentPings++;
    }, pingMs);
  }

  /** @throws OperatorError `CHAIN_BAD_ENDPOINT`; TransientError `CHAIN_DISCONNECTED`; the signal's reason. */
  static open(endpoint: string, signal: AbortSignal, pingMs = PING_INTERVAL_MS): Promise<RpcSocket> {
    signal.throwIfAborted();
    let socket: WebSocket;
    try {
      socket = new WebSocket(endpoint, { maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new OperatorError(
        'CHAIN_BAD_ENDPOINT',
        `'${endpoint}' is not a chain endpoint (${reason}): use ws:// or wss://`,
      );
    }
    return new Promise((resolve, reject) => {
      const stop = () => {
        socket.terminate();
        reject(signal.reason);
      };
      signal.addEventListener('abort', stop, { once: true });
      // Stays attached: terminating a connecting socket emits an error that nobody else would handle.
      socket.once('error', (error) => {
        signal.removeEventListener('abort', stop);
        reject(new TransientError('CHAIN_DISCONNECTED', error.message));
      });
      socket.once('open', () => {
        signal.removeEventListener('abort', stop);
        resolve(new RpcSocket(endpoint, socket, pingMs));
      });
    });
  }

  /**
   * Aborts when the socket has ended; its reason is the TransientError that waiting requests got, whose cause is the
   * endpoint's fault where there was one.
   */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** @throws RpcError when the node answers with an error; TransientError `CHAIN_DISCONNECTED`. */
  request(method: string, params: readonly unknown[], onAnswer?: (value: unknown) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.closed.aborted) return reject(this.closed.reason);
      if (this.#pending.size >= MAX_PENDING) {
        this.close(endpointFault('CHAIN_SILENT', `the endpoint left ${MAX_PENDING} requests without an answer`));
        return reject(this.closed.reason);
      }
      const id = ++this.#lastId;
      this.#pending.set(id, { method, resolve, reject, ...(onAnswer ? { onAnswer } : {}) });
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  /** Subscribes; `onItem` gets every notification in order. @throws as {@link request}. */
  async subscribe(
    method: string,
    params: readonly unknown[],
    unsubscribe: string,
    onItem: (item: unknown) => void,
  ): Promise<Subscription> {
    let key = '';
    let id: unknown;
    this.#subscribing++;
    try {
      await this.request(method, params, (answer) => {
        id = subscriptionId.parse(answer);
        key = String(id);
        this.#subscriptions.set(key, onItem);
        const early = this.#early.get(key) ?? [];
        this.#early.delete(key);
        for (const item of early) onItem(item);
      });
    } finally {
      if (--this.#subscribing === 0) {
        this.#early.clear();
        this.#earlyBytes = 0;
      }
    }
    return {
      stop: () => {
        if (this.#subscriptions.delete(key)) this.request(unsubscribe, [id]).catch(() => {});
      },
    };
  }

  close(reason: string | Error): void {
    if (this.closed.aborted) return;
    clearInterval(this.#ping);
    const [text, fault] = typeof reason === 'string' ? [reason, undefined] : [reason.message, reason];
    const error = new TransientError(
      'CHAIN_DISCONNECTED',
      `lost the connection to ${this.endpoint}: ${text}`,
      fault ? { cause: fault } : {},
    );
    this.#closed.abort(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#subscriptions.clear();
    this.#early.clear();
    // Not the closing handshake: a half-open peer would keep the socket, and with it the process, alive.
    this.#socket.terminate();
  }

  #take(bytes: Buffer): void {
    // Messages that ws had read already when the socket was closed.
    if (this.closed.aborted) return;
    try {
      guardMessage(bytes);
      const message = parseMessage(bytes);
      if (message.params) this.#notify(String(message.params.subscription), message.params.result, bytes.length);
      else if (typeof message.id !== 'number' || !this.#answer(message.id, message)) this.#countUnasked(bytes.length);
    } catch (error) {
      this.close(error instanceof Error ? error : String(error));
    }
  }

  #countUnasked(bytes: number): void {
    if (this.#unasked.take(bytes)) return;
    this.close(endpointFault('CHAIN_FLOODED', 'the endpoint floods us with what nobody asked for'));
  }

  /** Whether it was asked for. */
  #answer(id: number, message: Message): boolean {
    const pending = this.#pending.get(id);
    if (!pending) return false;
    this.#pending.delete(id);
    if (message.error) {
      pending.reject(new RpcError(message.error.code, message.error.message, message.error.data));
      return true;
    }
    try {
      pending.onAnswer?.(message.result);
    } catch (error) {
      pending.reject(error);
      return true;
    }
    pending.resolve(message.result);
    return true;
  }

  #notify(subscription: string, item: unknown, bytes: number): void {
    this.#countUnasked(bytes);
    const handler = this.#subscriptions.get(subscription);
    if (handler) {
      handler(item);
      return;
    }
    // Of a subscription that we have ended.
    if (this.#subscribing === 0) return;
    const early = this.#early.get(subscription) ?? [];
    this.#earlyBytes += bytes;
    if (
      this.#early.size < MAX_EARLY_NOTIFICATIONS &&
      early.length < MAX_EARLY_NOTIFICATIONS &&
      this.#earlyBytes <= MAX_EARLY_BYTES
    ) {
      early.push(item);
      this.#early.set(subscription, early);
    }
  }
}

function parseMessage(bytes: Buffer): Message {
  try {
    return messageSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    throw endpointFault('CHAIN_NOT_JSON_RPC', 'the endpoint does not speak JSON-RPC');
  }
}
