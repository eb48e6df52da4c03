import type { Stream } from '@libp2p/interface';
import { lpStream } from '@libp2p/utils';
import { z } from 'zod';

/** First byte of an answer, the values of Ethereum's req/resp protocol. */
export const STATUS = { ok: 0, invalid: 1, serverError: 2, unavailable: 3, rateLimited: 139 } as const;
export type Status = (typeof STATUS)[keyof typeof STATUS];

/** JSON of every answer that is not ok. */
export const failureSchema = z.strictObject({
  code: z.string().regex(/^[A-Z0-9_]{1,64}$/),
  message: z.string().max(500),
  /** With rate-limited: ms after which the same request is within the quota. */
  retryAfterMs: z.number().min(0).optional(),
});
export type Failure = z.infer<typeof failureSchema>;

/**
 * Messages of one stream: an unsigned varint length, then that many bytes. A length above `maxBytes` resets the stream
 * before anything is buffered for it.
 */
export function openFrames(stream: Stream, maxBytes: number) {
  // A varint of our largest message has 3 bytes; the buffer holds one message and the start of the next at most.
  const frames = lpStream(stream, { maxDataLength: maxBytes, maxBufferSize: 2 * maxBytes + 16, maxLengthLength: 4 });
  return {
    read: async (signal: AbortSignal): Promise<Uint8Array> => (await frames.read({ signal })).subarray(),
    write: (bytes: Uint8Array, signal: AbortSignal): Promise<void> => frames.write(bytes, { signal }),
  };
}

/** Strict UTF-8 JSON. @throws SyntaxError or TypeError for anything else. */
export function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

export const toJson = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** An answer's message: the status byte, then JSON. */
export function encodeAnswer(status: Status, value: unknown): Uint8Array {
  return Buffer.concat([Buffer.of(status), toJson(value)]);
}

/** @throws SyntaxError for an empty message or bad JSON. The status may be one that we do not know. */
export function decodeAnswer(bytes: Uint8Array): { status: number; value: unknown } {
  const [status] = bytes;
  if (status === undefined) throw new SyntaxError('an answer without a status byte');
  return { status, value: parseJson(bytes.subarray(1)) };
}
