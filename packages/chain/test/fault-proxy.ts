import { WebSocket, WebSocketServer } from 'ws';

/** A JSON-RPC message, as far as rules look at it. */
export interface RpcMessage {
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
}

/**
 * What becomes of a message: `cut` ends the connection instead of passing it on, `pass-cut` right after; `raw` sends these
 * bytes in its place, and nothing at all for an empty list.
 */
export type Verdict =
  | 'pass'
  | 'drop'
  | 'cut'
  | 'pass-cut'
  | { delayMs: number }
  | { replace: unknown }
  | { raw: (string | Buffer)[] };

/** Stands between clients and a node and reads what they say, to drop, delay, freeze, cut and rewrite it by rule. */
export interface FaultProxy {
  readonly endpoint: string;
  /** Connections taken so far. */
  readonly accepted: number;
  /** Connections open now. */
  readonly open: number;
  /** Methods asked for, in order. */
  readonly asked: string[];
  /** Judges what a client asks. */
  toNode: (message: RpcMessage) => Verdict;
  /** Judges what the node says; `method` is the question's, undefined for a notification, and `params` its own. */
  toClient: (message: RpcMessage, method: string | undefined, params: unknown) => Verdict;
  /** Half-open: sockets stay, nothing is read from them, not even pings. */
  frozen: boolean;
  /** New connections are ended at once. */
  refusing: boolean;
  /** Sends bytes to every client, unasked. Resolves when they are written or the client has gone. */
  say(bytes: string | Buffer): Promise<void>;
  cut(): void;
  /** All rules as at the start. */
  heal(): void;
  close(): Promise<void>;
}

const pass = (): Verdict => 'pass';

export async function startFaultProxy(nodeEndpoint: string): Promise<FaultProxy> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  const pairs = new Set<{ client: WebSocket; node: WebSocket }>();
  let frozen = false;
  let accepted = 0;
  const freeze = (socket: WebSocket) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (frozen) socket.pause();
    else socket.resume();
  };
  server.on('connection', (client) => {
    client.on('error', () => {});
    if (proxy.refusing) {
      client.terminate();
      return;
    }
    accepted++;
    const node = new WebSocket(nodeEndpoint);
    const pair = { client, node };
    pairs.add(pair);
    const questions = new Map<number, RpcMessage>();
    const early: string[] = [];
    const toNode = (text: string) => {
      if (node.readyState === WebSocket.OPEN) node.send(text);
      else early.push(text);
    };
    const end = () => {
      pairs.delete(pair);
      client.terminate();
      node.terminate();
    };
    const act = (verdict: Verdict, text: string, message: RpcMessage, send: (bytes: string | Buffer) => void) => {
      if (verdict === 'pass' || verdict === 'pass-cut') send(text);
      if (verdict === 'cut') end();
      // The other side gets it before the end.
      if (verdict === 'pass-cut') setTimeout(end, 5);
      if (typeof verdict === 'string') return;
      if ('delayMs' in verdict) setTimeout(() => send(text), verdict.delayMs);
      else if ('raw' in verdict) for (const bytes of verdict.raw) send(bytes);
      else send(JSON.stringify({ ...message, ...(verdict.replace as object) }));
    };
    node.on('open', () => {
      for (const text of early.splice(0)) node.send(text);
      freeze(node);
    });
    node.on('error', end);
    node.on('close', end);
    client.on('close', end);
    client.on('message', (data) => {
      const text = String(data);
      const message = JSON.parse(text) as RpcMessage;
      if (message.id !== undefined) questions.set(message.id, message);
      if (message.method !== undefined) proxy.asked.push(message.method);
      act(proxy.toNode(message), text, message, (bytes) => toNode(String(bytes)));
    });
    node.on('message', (data) => {
      const text = String(data);
      const message = JSON.parse(text) as RpcMessage;
      const question = message.id === undefined ? undefined : questions.get(message.id);
      act(proxy.toClient(message, question?.method, question?.params), text, message, (bytes) => {
        if (client.readyState === WebSocket.OPEN) client.send(bytes, { binary: false });
      });
    });
    freeze(client);
  });
  const proxy: FaultProxy = {
    endpoint: `ws://127.0.0.1:${(server.address() as { port: number }).port}`,
    get accepted() {
      return accepted;
    },
    get open() {
      return pairs.size;
    },
    asked: [],
    toNode: pass,
    toClient: pass,
    get frozen() {
      return frozen;
    },
    set frozen(value) {
      frozen = value;
      for (const { client, node } of pairs) for (const socket of [client, node]) freeze(socket);
    },
    refusing: false,
    async say(bytes) {
      await Promise.all(
        [...pairs].map(
          ({ client }) => new Promise<void>((resolve) => client.send(bytes, { binary: false }, () => resolve())),
        ),
      );
    },
    cut() {
      for (const { client, node } of pairs) for (const socket of [client, node]) socket.terminate();
    },
    heal() {
      proxy.toNode = pass;
      proxy.toClient = pass;
      proxy.refusing = false;
      proxy.frozen = false;
      proxy.asked.length = 0;
    },
    async close() {
      proxy.frozen = false;
      proxy.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
