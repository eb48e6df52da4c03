import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  body: { model: string; messages: { role: string; content: string }[]; response_format?: { type: string } };
  /** As it came over the wire. */
  text: string;
  authorization: string | undefined;
}
export type Answer =
  | { rows: unknown[] }
  | { content: string; uncounted?: boolean }
  | { status: number; headers?: Record<string, string> }
  | { raw: string }
  | 'hang'
  | 'reset'
  | 'endless';

/** An OpenAI-compatible endpoint on a real socket that answers from a function. */
export class FakeOpenAiServer {
  readonly asked: Asked[] = [];
  /** Requests under way, and the most there were at once. */
  open = 0;
  mostOpen = 0;
  readonly #server: Server;
  readonly #answer: (asked: Asked, at: number) => Answer | Promise<Answer>;

  private constructor(answer: (asked: Asked, at: number) => Answer | Promise<Answer>) {
    this.#answer = answer;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(answer: (asked: Asked, at: number) => Answer | Promise<Answer>): Promise<FakeOpenAiServer> {
    const fake = new FakeOpenAiServer(answer);
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.once('close', () => this.open--);
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    let text = '';
    for await (const chunk of request) text += chunk;
    const asked = { body: JSON.parse(text), text, authorization: request.headers.authorization };
    this.asked.push(asked);
    const answer = await this.#answer(asked, this.asked.length - 1);
    if (answer === 'hang') return;
    if (answer === 'reset') return void request.socket.resetAndDestroy();
    if (answer === 'endless') {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        if (!response.destroyed) response.write(' '.repeat(65_536), () => setImmediate(more));
      };
      return more();
    }
    if ('status' in answer) return void response.writeHead(answer.status, answer.headers).end('{"error":{}}');
    if ('raw' in answer) return void response.writeHead(200).end(answer.raw);
    const content = 'rows' in answer ? JSON.stringify({ rows: answer.rows }) : answer.content;
    const counted = { prompt_tokens: 100, completion_tokens: 50 };
    const usage = 'uncounted' in answer ? undefined : counted;
    const message = { role: 'assistant', content };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }], usage }));
  }
}
