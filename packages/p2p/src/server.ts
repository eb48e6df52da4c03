import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { BadInputError, errorCode, errorMessage, type Logger, sleep, withDeadline } from '@tuning/kit';
import { z } from 'zod';
import type { DirectoryEntry } from './directory.ts';
import { encodeAnswer, type Failure, openFrames, parseJson, STATUS, type Status } from './frames.ts';
import { withSignals } from './linked-signal.ts';
import { entryOf } from './node.ts';
import { HANDLER_SHARE, type ProtocolSpec } from './protocols.ts';
import type { RateLimiter } from './rate-limiter.ts';
import type { SessionContext, Sessions } from './sessions.ts';

/** Who asks, and over which connection. */
export interface Caller {
  /** Proved by a hello; in `hello` and `goodbye` themselves the neuron that publishes the connection's key. */
  readonly entry: DirectoryEntry;
  readonly connection: Connection;
}

export interface ServerContext {
  readonly node: Libp2p;
  readonly sessions: Sessions;
  readonly limiter: RateLimiter;
  readonly directory: SessionContext['directory'];
  readonly logger: Logger;
  /** Aborts every handler when the node stops. */
  readonly stopping: AbortSignal;
}

/** Longest wait for the other side to take the end of an answer. */
const CLOSE_MS = 1_000;

type Handler<Request extends z.ZodType, Answer extends z.ZodType> = (
  caller: Caller,
  request: z.infer<Request>,
  signal: AbortSignal,
) => Promise<z.infer<Answer>>;

interface Reply {
  readonly status: Status;
  readonly value: unknown;
  /** The connection is closed after the reply. */
  readonly close?: boolean;
}

const refuse = (status: Status, failure: Failure, close = false): Reply => ({
  status,
  value: { ...failure, message: failure.message.slice(0, 500) },
  close,
});

/** Registers one protocol. Nothing a peer sends and nothing a handler throws reaches libp2p. */
export function serve<Request extends z.ZodType, Answer extends z.ZodType>(
  context: ServerContext,
  spec: ProtocolSpec<Request, Answer>,
  handler: Handler<Request, Answer>,
): Promise<void> {
  const onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const gone = new AbortController();
    stream.addEventListener('close', () => gone.abort(new Error('the asking side closed its stream')), { once: true });
    try {
      const reply = await withSignals([context.stopping, gone.signal], async (signal) => {
        const frames = openFrames(stream, spec.maxRequestBytes);
        const made = await replyTo(context, spec, handler, connection, signal, frames.read);
        const bytes = encodeAnswer(made.status, made.value);
        await withDeadline('answering', spec.timeoutMs, (until) => frames.write(bytes, until), signal);
        return made;
      });
      await stream.close({ signal: AbortSignal.timeout(CLOSE_MS) });
      if (!reply.close) return;
      // Until the other side has taken the answer and closed the stream: closing earlier can drop the answer.
      await sleep(CLOSE_MS, gone.signal).catch(() => {});
      await connection.close({ signal: AbortSignal.timeout(CLOSE_MS) });
    } catch (error) {
      context.logger.debug({ method: spec.method, error: errorMessage(error) }, 'could not answer a peer');
      stream.abort(error instanceof Error ? error : new Error(String(error)));
    }
  };
  return context.node.handle(spec.id, onStream, {
    maxInboundStreams: spec.maxStreams,
    maxOutboundStreams: spec.maxStreams,
  });
}

/** From cheap to dear: registered, quota, hello, permit, then the body, then the handler. */
async function replyTo<Request extends z.ZodType, Answer extends z.ZodType>(
  context: ServerContext,
  spec: ProtocolSpec<Request, Answer>,
  handler: Handler<Request, Answer>,
  connection: Connection,
  signal: AbortSignal,
  read: (signal: AbortSignal) => Promise<Uint8Array>,
): Promise<Reply> {
  const known = context.sessions.identify(connection);
  const entry = typeof known === 'object' ? known : entryOf(context.directory, connection.remotePeer);
  if (known === 'NOT_REGISTERED' || !entry) {
    const message = 'your peer key is not in the metagraph: register the hotkey and serve its axon';
    return refuse(STATUS.invalid, { code: 'NOT_REGISTERED', message }, true);
  }
  // Before a hello has proved the hotkey only the peer itself may use up a quota.
  const payer = spec.afterHello && typeof known === 'object' ? known.hotkey : connection.remotePeer.toString();
  const retryAfterMs = context.limiter.take(spec.method, payer);
  if (retryAfterMs > 0) {
    const message = `too many ${spec.method} requests: wait ${Math.ceil(retryAfterMs)} ms`;
    return refuse(STATUS.rateLimited, { code: 'RATE_LIMITED', message, retryAfterMs });
  }
  if (spec.afterHello && typeof known === 'string') {
    return refuse(STATUS.invalid, { code: known, message: 'say hello first, or again' });
  }
  if (spec.permit && !entry.permit) {
    const message = `${entry.hotkey} holds no validator permit`;
    return refuse(STATUS.invalid, { code: 'PERMIT_NEEDED', message });
  }
  const bytes = await withDeadline(`reading a ${spec.method} request`, spec.timeoutMs * HANDLER_SHARE, read, signal);
  const request = parseRequest(spec, bytes);
  if (!request.success) return refuse(STATUS.invalid, request.failure);
  return await handle(context, spec, handler, { entry, connection }, request.data, signal);
}

function parseRequest<Request extends z.ZodType>(
  spec: ProtocolSpec<Request>,
  bytes: Uint8Array,
): { success: true; data: z.infer<Request> } | { success: false; failure: Failure } {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch {
    return { success: false, failure: { code: 'BAD_JSON', message: `a ${spec.method} request must be UTF-8 JSON` } };
  }
  const parsed = spec.request.safeParse(value);
  if (parsed.success) return { success: true, data: parsed.data };
  const message = z.prettifyError(parsed.error).replaceAll('\n', ' ');
  return { success: false, failure: { code: 'BAD_MESSAGE', message } };
}

async function handle<Request extends z.ZodType, Answer extends z.ZodType>(
  context: ServerContext,
  spec: ProtocolSpec<Request, Answer>,
  handler: Handler<Request, Answer>,
  caller: Caller,
  request: z.infer<Request>,
  signal: AbortSignal,
): Promise<Reply> {
  try {
    const what = `answering ${spec.method} of ${caller.entry.hotkey}`;
    const limitMs = spec.timeoutMs * HANDLER_SHARE;
    const answer = await withDeadline(what, limitMs, (until) => handler(caller, request, until), signal);
    // Our own answer too: a bug here must not look like the other side's.
    return { status: STATUS.ok, value: spec.answer.parse(answer) };
  } catch (error) {
    signal.throwIfAborted();
    const facts = { method: spec.method, hotkey: caller.entry.hotkey, error: errorMessage(error) };
    // Only messages meant for the other side leave this machine.
    if (error instanceof BadInputError || (error as Error)?.name === 'BadInputError') {
      context.logger.debug(facts, 'refused a request');
      return refuse(STATUS.invalid, { code: errorCode(error) ?? 'INVALID', message: errorMessage(error) });
    }
    context.logger.warn(facts, 'a request handler failed');
    if ((error as Error)?.name === 'TransientError') {
      const message = 'cannot answer at the moment: try again later';
      return refuse(STATUS.unavailable, { code: 'UNAVAILABLE', message });
    }
    return refuse(STATUS.serverError, { code: 'INTERNAL', message: 'the request handler failed' });
  }
}
