import type { z } from 'zod';
import type { Exchange } from './exchange.ts';
import { HttpError } from './http-error.ts';

/**
 * The body in chunks. @throws HttpError 413 above `limit` bytes, 408 after a silence of `bodyIdleMs`, 400 if cut off.
 */
export async function* bodyChunks(x: Exchange, limit: number): AsyncGenerator<Buffer> {
  const announced = Number(x.req.headers['content-length'] ?? 0);
  if (announced > limit) throw new HttpError(413, `Request body of ${announced} bytes is over the limit of ${limit}`);
  let total = 0;
  // The socket's own timer restarts on every byte.
  const silence = () => x.req.destroy(new HttpError(408, 'The request body stopped arriving'));
  x.req.setTimeout(x.limits.bodyIdleMs, silence);
  try {
    // Leaving the loop must not destroy the socket: the refusal still has to go out.
    for await (const chunk of x.req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > limit) throw new HttpError(413, `Request body is over the limit of ${limit} bytes`);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, 'The request body was cut off');
  } finally {
    x.req.setTimeout(0);
    x.req.off('timeout', silence);
  }
}

async function bodyText(x: Exchange): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of bodyChunks(x, x.limits.jsonBytes)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Reads JSON, or a form where Python sends one: a key that occurs several times becomes a list. */
export async function readBody<T>(x: Exchange, schema: z.ZodType<T>): Promise<T> {
  const text = await bodyText(x);
  let value: unknown;
  if (x.req.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    const form = new URLSearchParams(text);
    value = Object.fromEntries([...new Set(form.keys())].map((key) => [key, form.getAll(key)]));
  } else {
    try {
      value = JSON.parse(text === '' ? '{}' : text);
    } catch {
      throw new HttpError(400, 'The request body is not JSON');
    }
  }
  return checked(schema, value);
}

export function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new HttpError(400, `Bad request body: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
}

/** Lines of a body, each at most `commitLineBytes` long; memory use is one line. */
export async function* bodyLines(x: Exchange, limit: number): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let length = 0;
  const take = (piece: Buffer): void => {
    length += piece.length;
    if (length > x.limits.commitLineBytes) throw new HttpError(413, 'One line of the commit is too long: use LFS');
    parts.push(piece);
  };
  for await (const chunk of bodyChunks(x, limit)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      take(chunk.subarray(start, end));
      yield Buffer.concat(parts).toString();
      parts = [];
      length = 0;
      start = end + 1;
    }
    take(chunk.subarray(start));
  }
  if (length > 0) yield Buffer.concat(parts).toString();
}
