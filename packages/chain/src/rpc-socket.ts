import { OperatorError, TransientError } from '@tuning/kit';
import { WebSocket } from 'ws';
import { z } from 'zod';

/** Largest message taken from an endpoint: mainnet's metadata is about 1 MB of hex, a full block a few MB. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** A peer that is silent for two intervals is taken for dead (a half-open socket never closes by itself). */
const PING_INTERVAL_MS = 10_000;
/** Notifications kept that arrive before the answer naming their subscription. */
const MAX_EARLY_NOTIFICATIONS = 64;

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

const subscriptionId = z.union([z.string(), z.number()]);
const messageSchema = z.object({
  id: z.number().nullish(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }).nullish(),
  method: z.string().optional(),
  params: z
    .object({ subscription: subscriptionId, result: z.unknown().optional(), error: z.unknown().optional() })
    .optional(),
});

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
  readonly #ping: NodeJS.Timeout;
  #silentPings = 0;
  #lastId = 0;

  private constructor(endpoint: string, socket: WebSocket) {
    this.endpoint = endpoint;
    this.#socket = socket;
    socket.on('message', (data) => {
      this.#silentPings = 0;
      this.#take(String(data));
    });
    socket.on('pong', () => {
      this.#silentPings = 0;
    });
    socket.on('error', (error) => this.close(error.message));
    socket.on('close', (code) => this.close(`socket closed (${code})`));
    this.#ping = setInterval(() => {
      if (this.#silentPings >= 2) this.close('the endpoint went silent');
      else this.#socket.ping();
      this.#silentPings++;
    }, PING_INTERVAL_MS);
  }

  /** @throws OperatorError `CHAIN_BAD_ENDPOINT`; TransientError `CHAIN_DISCONNECTED`; the signal's reason. */
  static open(endpoint: string, signal: AbortSignal): Promise<RpcSocket> {
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
        resolve(new RpcSocket(endpoint, socket));
      });
    });
  }

  /** Aborts when the socket has ended; its reason is the TransientError that waiting requests got. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** @throws RpcError when the node answers with an error; TransientError `CHAIN_DISCONNECTED`. */
  request(method: string, params: readonly unknown[], onAnswer?: (value: unknown) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.closed.aborted) return reject(this.closed.reason);
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
    await this.request(method, params, (answer) => {
      id = subscriptionId.parse(answer);
      key = String(id);
      this.#subscriptions.set(key, onItem);
      const early = this.#early.get(key) ?? [];
      this.#early.delete(key);
      for (const item of early) onItem(item);
    });
    return {
      stop: () => {
        if (this.#subscriptions.delete(key)) this.request(unsubscribe, [id]).catch(() => {});
      },
    };
  }

  close(reason: string): void {
    if (this.closed.aborted) return;
    clearInterval(this.#ping);
    const error = new TransientError('CHAIN_DISCONNECTED', `lost the connection to ${this.endpoint}: ${reason}`);
    this.#closed.abort(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.#subscriptions.clear();
    this.#early.clear();
    // Not the closing handshake: a half-open peer would keep the socket, and with it the process, alive.
    this.#socket.terminate();
  }

  #take(text: string): void {
    let message: z.infer<typeof messageSchema>;
    try {
      message = messageSchema.parse(JSON.parse(text));
    } catch {
      this.close('the endpoint does not speak JSON-RPC');
      return;
    }
    try {
      if (message.params) this.#notify(String(message.params.subscription), message.params.result);
      else if (typeof message.id === 'number') this.#answer(message.id, message);
    } catch (error) {
      this.close(error instanceof Error ? error.message : String(error));
    }
  }

  #answer(id: number, message: z.infer<typeof messageSchema>): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    if (message.error) {
      pending.reject(new RpcError(message.error.code, message.error.message, message.error.data));
      return;
    }
    try {
      pending.onAnswer?.(message.result);
    } catch (error) {
      pending.reject(error);
      return;
    }
    pending.resolve(message.result);
  }

  #notify(subscription: string, item: unknown): void {
    const handler = this.#subscriptions.get(subscription);
    if (handler) {
      handler(item);
      return;
    }
    const early = this.#early.get(subscription) ?? [];
    if (this.#early.size < MAX_EARLY_NOTIFICATIONS && early.length < MAX_EARLY_NOTIFICATIONS) {
      this.#early.set(subscription, [...early, item]);
    }
  }
}
