import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type FakeAnswer = (req: IncomingMessage, res: ServerResponse, url: URL) => void;

/** A server that answers as it is told, to play a hub that lies, stalls or is overloaded. */
export class FakeHub {
  readonly requests: { method: string; path: string; headers: IncomingMessage['headers'] }[] = [];
  answer: FakeAnswer = (_req, res) => res.writeHead(404).end();
  endpoint = '';
  readonly #server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://fake');
    this.requests.push({ method: req.method ?? '', path: url.pathname, headers: req.headers });
    req.resume();
    this.answer(req, res, url);
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.endpoint = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

export function json(res: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  res.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(value));
}
