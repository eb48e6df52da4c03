import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorMessage, type Logger, OperatorError } from '@tuning/kit';
import { WebSocket, WebSocketServer } from 'ws';
import { RpcError } from './rpc-error.ts';

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_BATCH = 1000;
/** A client that does not read is cut off before its notifications fill the memory. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;

export type Notify = (result: unknown) => void;

export interface Connection {
  /** Opens a subscription: `start` gets the sender and returns what ends it. Gives the id to answer with. */
  subscribe(notification: string, start: (notify: Notify) => () => void): string;
  /** True when there was such a subscription. */
  unsubscribe(id: string): boolean;
}

export type RpcMethod = (params: readonly unknown[], connection: Connection) => unknown;
export type RpcMethods = Readonly<Record<string, RpcMethod>>;

interface Request {
  id?: unknown;
  method?: unknown;
  params?: unknown;
}

export interface RpcServer {
  port: number;
  close(): Promise<void>;
}

let nextSubscription = 1;

class WebSocketConnection implements Connection {
  readonly #socket: WebSocket;
  readonly #stops = new Map<string, () => void>();
  /** Notifications wait here while a request runs, so that the answer with the subscription's id goes first. */
  #held: string[] | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  subscribe(notification: string, start: (notify: Notify) => () => void): string {
    const id = `sub${nextSubscription++}`;
    this.#stops.set(
      id,
      start((result) => this.#push(notification, id, result)),
    );
    return id;
  }

  unsubscribe(id: string): boolean {
    this.#stops.get(id)?.();
    return this.#stops.delete(id);
  }

  close(): void {
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
  }

  #push(method: string, subscription: string, result: unknown): void {
    const text = JSON.stringify({ jsonrpc: '2.0', method, params: { subscription, result } });
    if (this.#held) this.#held.push(text);
    else this.#send(text);
  }

  #send(text: string): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      this.#socket.terminate();
      return;
    }
    this.#socket.send(text);
  }

  answer(run: () => unknown): void {
    this.#held = [];
    const response = run();
    const held = this.#held;
    this.#held = undefined;
    if (response !== undefined) this.#send(JSON.stringify(response));
    for (const text of held) this.#send(text);
  }
}

/** Serves JSON-RPC 2.0 over WebSocket (and plain HTTP POST without subscriptions) on one port. */
export function serveRpc(
  methods: RpcMethods,
  options: { host: string; port: number; logger: Logger },
): Promise<RpcServer> {
  const { logger } = options;
  const answerOne = (request: Request, connection: Connection): unknown => {
    const id = request.id ?? null;
    try {
      const method = typeof request.method === 'string' ? methods[request.method] : undefined;
      if (!method || !Object.hasOwn(methods, request.method as string)) throw new RpcError(-32601, 'Method not found');
      const params = request.params ?? [];
      if (!Array.isArray(params)) throw new RpcError(-32602, 'Invalid params: expected an array');
      const result = method(params, connection);
      return { jsonrpc: '2.0', result: result === undefined ? null : result, id };
    } catch (error) {
      if (!(error instanceof RpcError)) {
        logger.warn({ method: String(request.method), error: errorMessage(error) }, 'RPC call failed');
      }
      const known = error instanceof RpcError ? error : new RpcError(-32603, `Internal error: ${errorMessage(error)}`);
      const body = { code: known.code, message: known.message };
      return { jsonrpc: '2.0', error: known.data === undefined ? body : { ...body, data: known.data }, id };
    }
  };
  const answer = (text: string, connection: Connection): unknown => {
    let request: unknown;
    try {
      request = JSON.parse(text);
    } catch {
      return { jsonrpc: '2.0', error: { code: -32700, message: 'Parse error' }, id: null };
    }
    if (Array.isArray(request) && request.length > 0 && request.length <= MAX_BATCH) {
      return request.map((one) => answerOne((one ?? {}) as Request, connection));
    }
    if (typeof request !== 'object' || request === null || Array.isArray(request)) {
      return { jsonrpc: '2.0', error: { code: -32600, message: 'Invalid request' }, id: null };
    }
    return answerOne(request as Request, connection);
  };

  const http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_MESSAGE_BYTES) request.destroy();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      if (request.method !== 'POST') {
        response.writeHead(405).end();
        return;
      }
      const body = answer(Buffer.concat(chunks).toString('utf8'), NO_SUBSCRIPTIONS);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  const sockets = new WebSocketServer({ server: http, maxPayload: MAX_MESSAGE_BYTES });
  sockets.on('connection', (socket) => {
    const connection = new WebSocketConnection(socket);
    socket.on('message', (data) => connection.answer(() => answer(data.toString(), connection)));
    socket.on('close', () => connection.close());
    socket.on('error', (error) => logger.debug({ error: error.message }, 'WebSocket error'));
  });

  return new Promise((resolve, reject) => {
    // The WebSocket server forwards the HTTP server's errors; both need a listener.
    sockets.on('error', () => {});
    http.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new OperatorError('PORT_IN_USE', `devnet node: port ${options.port} is taken; choose another or 0`, {
              cause: error,
            })
          : error,
      ),
    );
    http.listen(options.port, options.host, () => {
      resolve({
        port: (http.address() as AddressInfo).port,
        close: () => {
          for (const socket of sockets.clients) socket.terminate();
          sockets.close();
          return new Promise((done) => {
            http.close(() => done());
            http.closeAllConnections();
          });
        },
      });
    });
  });
}

const NO_SUBSCRIPTIONS: Connection = {
  subscribe: () => {
    throw new RpcError(-32601, 'Subscriptions are not available on this transport');
  },
  unsubscribe: () => false,
};
