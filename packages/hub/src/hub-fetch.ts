import { type Logger, retry, TransientError } from '@tuning/kit';
import { HubHttpError, isPassing, redact } from './errors.ts';
import { linkedAbort } from './linked-abort.ts';
import { fetchAtSameHost } from './redirects.ts';

/** Largest JSON answer that is read into memory. A page of 1000 files has about 300 KB. */
const MAX_JSON_BYTES = 32 * 1024 ** 2;
/** The longest wait that a server may ask for by Retry-After. */
const MAX_RETRY_AFTER_MS = 60_000;

export interface FetchSettings {
  endpoint: string;
  logger: Logger;
  /** Whole time of a request without file bytes. */
  timeoutMs: number;
  /** Longest silence while file bytes flow. */
  idleMs: number;
  attempts: number;
  /** First wait between attempts. */
  baseMs: number;
  /** Bytes of a large file that one request brings. */
  pieceBytes: number;
}

export interface FetchCall {
  signal?: AbortSignal | undefined;
  /** Called with the bytes of uploaded files as they leave; negative when a failed attempt takes them back. */
  onBytes?: ((count: number, path: string) => void) | undefined;
  /** Requests this call may make at most, against answers whose `next` links never end. */
  maxRequests?: number;
}

/** What the hub library puts into the init of an upload, beside the standard members. */
interface ProgressHint {
  path?: string;
}

/**
 * The `fetch` handed to `@huggingface/hub`, for one call of ours. It adds what the library lacks: time limits, abort,
 * retries of requests that may be repeated, bounded answers, byte progress, constant memory on uploads, and a token that
 * goes to the endpoint only. Answers of 400 and more are thrown as HubHttpError.
 */
export function createHubFetch(settings: FetchSettings, call: FetchCall = {}): typeof fetch {
  const origin = new URL(settings.endpoint).origin;
  let requests = 0;
  return async (input, init = {}) => {
    call.signal?.throwIfAborted();
    requests += 1;
    if (requests > (call.maxRequests ?? Number.POSITIVE_INFINITY)) {
      throw new TransientError(
        'HUB_UNAVAILABLE',
        `the hub's answer to one question goes on over ${requests - 1} pages`,
      );
    }
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init.headers);
    // A `next` link comes from the server and may name any host.
    if (url.origin !== origin) headers.delete('authorization');
    const once = () => request(url, { ...init, headers }, settings, call);
    if (!mayRepeat(init.method ?? 'GET', url)) return once();
    return retry(once, {
      attempts: settings.attempts,
      baseMs: settings.baseMs,
      what: `${init.method ?? 'GET'} ${url.pathname}`,
      logger: settings.logger,
      // The library aborts its other requests when one has failed for good.
      shouldRetry: (error) => !init.signal?.aborted && (!(error instanceof HubHttpError) || isPassing(error.status)),
      retryAfterMs: (error) => (error instanceof HubHttpError ? error.retryAfterMs : undefined),
      ...(call.signal ? { signal: call.signal } : {}),
    });
  };
}

/** A commit or a creation whose answer got lost may have happened: those are repeated by who can look. */
function mayRepeat(method: string, url: URL): boolean {
  if (method !== 'POST') return true;
  return /\/(preupload|paths-info)\/|\/info\/lfs\/objects\/batch$/.test(url.pathname);
}

async function request(url: URL, init: RequestInit, settings: FetchSettings, call: FetchCall): Promise<Response> {
  const stop = linkedAbort(call.signal, init.signal);
  const hasFile = init.body instanceof Blob;
  const limitMs = hasFile ? settings.idleMs : settings.timeoutMs;
  const late = () => stop.abort(new Error(`no answer within ${limitMs} ms`));
  let timer = setTimeout(late, limitMs);
  let sent = 0;
  const path = (init as { progressHint?: ProgressHint }).progressHint?.path ?? '';
  const options: RequestInit = { ...init, signal: stop.signal };
  if (init.body instanceof Blob) {
    options.body = new CountedBlob(init.body, (count) => {
      clearTimeout(timer);
      timer = setTimeout(late, limitMs);
      sent += count;
      call.onBytes?.(count, path);
    });
    // undici keeps a copy of the whole body for a redirect that might come (nodejs/undici#4058), unless none may.
    options.redirect = 'error';
    (options as { window?: null }).window = null;
  }
  try {
    const mayGoOn = hasFile || options.method === undefined || options.method === 'GET' || options.method === 'HEAD';
    const response = await (mayGoOn ? fetch(url, options) : fetchAtSameHost(url, options));
    const body = await boundedBody(response);
    if (!response.ok) throw errorOf(response, body);
    const { status, headers } = response;
    return new Response(status === 204 || body.length === 0 ? null : body, { status, headers });
  } catch (error) {
    if (sent > 0) call.onBytes?.(-sent, path);
    throw ownError(error, url, stop.signal);
  } finally {
    clearTimeout(timer);
    stop.unlink();
  }
}

/**
 * What to throw for a failed request: the reason where it was stopped, else a plain Error for a fault of the network,
 * because p-retry takes a TypeError for a bug and would not repeat it.
 */
export function ownError(error: unknown, url: URL, stop: AbortSignal): unknown {
  if (error instanceof HubHttpError) return error;
  if (stop.aborted) return stop.reason;
  const text = error instanceof Error ? error.message : String(error);
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return new Error(redact(`${text}${cause} (${url.host})`));
}

async function boundedBody(response: Response): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    total += chunk.length;
    if (total > MAX_JSON_BYTES) throw new Error(`answer over ${MAX_JSON_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The error of a refused request, in the hub's words as far as they are safe to show. */
export function errorOf(response: Response, body: Buffer): HubHttpError {
  let words = response.headers.get('x-error-message') ?? '';
  try {
    const json = JSON.parse(body.toString()) as { error?: unknown; message?: unknown } | null;
    const said = json?.error ?? json?.message;
    if (words === '' && typeof said === 'string') words = said;
  } catch {
    // Not JSON: a proxy's page, which says nothing worth showing.
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a server's text must not steer a terminal
  const reason = redact(words || response.statusText || 'no reason given').replace(/[\u0000-\u001f\u007f]/g, ' ');
  return new HubHttpError(
    response.status,
    response.headers.get('x-error-code') ?? undefined,
    reason.slice(0, 200),
    retryAfterOf(response.headers.get('retry-after')),
  );
}

/** Retry-After in ms: seconds or an HTTP date (RFC 9110 10.2.3), at most a minute. */
function retryAfterOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms)) : undefined;
}

/** A Blob that reports its bytes as they are read for sending. */
class CountedBlob extends Blob {
  readonly #inner: Blob;
  readonly #onBytes: (count: number) => void;

  constructor(inner: Blob, onBytes: (count: number) => void) {
    super([], { type: inner.type });
    this.#inner = inner;
    this.#onBytes = onBytes;
    // Content-Length comes from here; the inherited size is 0.
    Object.defineProperty(this, 'size', { value: inner.size });
  }

  override stream(): ReturnType<Blob['stream']> {
    const onBytes = this.#onBytes;
    const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        onBytes(chunk.length);
        controller.enqueue(chunk);
      },
    });
    return this.#inner.stream().pipeThrough(counter);
  }
}
