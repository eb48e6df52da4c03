import type { Connection } from '@libp2p/interface';
import { BadInputError, TransientError } from '@tuning/kit';
import type { z } from 'zod';
import { decodeAnswer, failureSchema, openFrames, STATUS } from './frames.ts';
import type { ProtocolSpec } from './protocols.ts';

const CLOSE_MS = 1_000;

/** Opens a stream, sends one message, reads one. The stream is gone afterwards, whatever happened. */
export async function transfer(
  connection: Connection,
  spec: ProtocolSpec,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const stream = await connection.newStream(spec.id, { signal, maxOutboundStreams: spec.maxStreams });
  try {
    const frames = openFrames(stream, spec.maxAnswerBytes + 1);
    await frames.write(bytes, signal);
    const answer = await frames.read(signal);
    // Not awaited: the answer is here, and a peer that refused us may be closing the connection.
    stream.close({ signal: AbortSignal.timeout(CLOSE_MS) }).catch((error) => stream.abort(error));
    return answer;
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

/**
 * The value of an answer.
 * @throws BadInputError `PEER_REFUSED`, `PEER_BAD_ANSWER`; TransientError `PEER_RATE_LIMITED`, `PEER_UNAVAILABLE`,
 * `PEER_FAILED`.
 */
export function readAnswer<Answer extends z.ZodType>(
  hotkey: string,
  spec: ProtocolSpec<z.ZodType, Answer>,
  bytes: Uint8Array,
): z.infer<Answer> {
  const details = { hotkey, method: spec.method };
  const bad = (cause: unknown) =>
    new BadInputError('PEER_BAD_ANSWER', `${hotkey} answered ${spec.method} with a malformed message`, {
      cause,
      details,
    });
  let answer: ReturnType<typeof decodeAnswer>;
  try {
    answer = decodeAnswer(bytes);
  } catch (error) {
    throw bad(error);
  }
  if (answer.status === STATUS.ok) {
    const parsed = spec.answer.safeParse(answer.value);
    if (!parsed.success) throw bad(parsed.error);
    return parsed.data;
  }
  const failure = failureSchema.safeParse(answer.value);
  if (!failure.success) throw bad(failure.error);
  const { code: peerCode, message, retryAfterMs } = failure.data;
  if (answer.status === STATUS.invalid) {
    throw new BadInputError('PEER_REFUSED', `${hotkey} refused ${spec.method}: ${message}`, {
      details: { ...details, peerCode },
    });
  }
  const code =
    answer.status === STATUS.rateLimited
      ? 'PEER_RATE_LIMITED'
      : answer.status === STATUS.unavailable
        ? 'PEER_UNAVAILABLE'
        : 'PEER_FAILED';
  throw new TransientError(code, `${hotkey} could not answer ${spec.method}: ${message}`, {
    details: { ...details, peerCode, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  });
}
