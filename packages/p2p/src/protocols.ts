import {
  curveAnswerSchema,
  curveRequestSchema,
  goodbyeSchema,
  helloSchema,
  LIMITS,
  offerAnswerSchema,
  offerRequestSchema,
  statusAnswerSchema,
  statusRequestSchema,
} from '@tuning/protocol';
import { z } from 'zod';
import type { Method } from './quotas.ts';

/** A protocol is data: its id, what may be sent, how long it may take, who may use it. */
export interface ProtocolSpec<Request extends z.ZodType = z.ZodType, Answer extends z.ZodType = z.ZodType> {
  readonly method: Method;
  readonly id: string;
  readonly request: Request;
  readonly answer: Answer;
  /** JSON bytes, the length prefix and the status byte excluded. */
  readonly maxRequestBytes: number;
  readonly maxAnswerBytes: number;
  /** From opening the stream to the whole answer, at the asking side; the answering side stops earlier. */
  readonly timeoutMs: number;
  /** Streams open at once per connection and side. */
  readonly maxStreams: number;
  /** Both sides must have said hello on the connection. */
  readonly afterHello: boolean;
  /** Only validators with a permit may ask. */
  readonly permit: boolean;
}

const define = <Request extends z.ZodType, Answer extends z.ZodType>(spec: ProtocolSpec<Request, Answer>) => spec;

/** Share of the asking side's time that a handler gets, so that its refusal still arrives in time. */
export const HANDLER_SHARE = 0.8;

export const PROTOCOLS = {
  // Certificates are about 250 bytes; 5 s because two sr25519 verifications may wait behind a busy machine.
  hello: define({
    method: 'hello',
    id: '/tuning/hello/1.0.0',
    request: helloSchema,
    answer: helloSchema,
    maxRequestBytes: 2_048,
    maxAnswerBytes: 2_048,
    timeoutMs: 5_000,
    maxStreams: 4,
    afterHello: false,
    permit: false,
  }),
  // A miner looks at its queue, disk and the hub's size of the model before it answers.
  task: define({
    method: 'task',
    id: '/tuning/task/1.0.0',
    request: offerRequestSchema,
    answer: offerAnswerSchema,
    maxRequestBytes: LIMITS.wireMessageBytes,
    maxAnswerBytes: 4_096,
    timeoutMs: 10_000,
    maxStreams: 8,
    afterHello: true,
    permit: true,
  }),
  status: define({
    method: 'status',
    id: '/tuning/status/1.0.0',
    request: statusRequestSchema,
    answer: statusAnswerSchema,
    maxRequestBytes: 1_024,
    maxAnswerBytes: 4_096,
    timeoutMs: 10_000,
    maxStreams: 8,
    afterHello: true,
    permit: true,
  }),
  // A piece of the loss curve, bounded in points by its schema; asked only where the status has gone on.
  curve: define({
    method: 'curve',
    id: '/tuning/curve/1.0.0',
    request: curveRequestSchema,
    answer: curveAnswerSchema,
    maxRequestBytes: 1_024,
    maxAnswerBytes: LIMITS.wireMessageBytes,
    timeoutMs: 10_000,
    maxStreams: 4,
    afterHello: true,
    permit: true,
  }),
  // A courtesy: nothing waits longer than a second for it.
  goodbye: define({
    method: 'goodbye',
    id: '/tuning/goodbye/1.0.0',
    request: goodbyeSchema,
    answer: z.strictObject({}),
    maxRequestBytes: 64,
    maxAnswerBytes: 1_024,
    timeoutMs: 1_000,
    maxStreams: 1,
    afterHello: false,
    permit: false,
  }),
} as const;

export type Protocols = typeof PROTOCOLS;

/** The table with other time limits. */
export function protocolsWith(timeouts: Partial<Record<Method, number>> = {}): Protocols {
  return {
    hello: { ...PROTOCOLS.hello, timeoutMs: timeouts.hello ?? PROTOCOLS.hello.timeoutMs },
    task: { ...PROTOCOLS.task, timeoutMs: timeouts.task ?? PROTOCOLS.task.timeoutMs },
    status: { ...PROTOCOLS.status, timeoutMs: timeouts.status ?? PROTOCOLS.status.timeoutMs },
    curve: { ...PROTOCOLS.curve, timeoutMs: timeouts.curve ?? PROTOCOLS.curve.timeoutMs },
    goodbye: { ...PROTOCOLS.goodbye, timeoutMs: timeouts.goodbye ?? PROTOCOLS.goodbye.timeoutMs },
  };
}
