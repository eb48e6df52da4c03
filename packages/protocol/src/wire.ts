import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { repoIdSchema, revisionSchema, ss58Schema, taskIdSchema } from './primitives.ts';
import { taskOfferSchema } from './task.ts';

/** The certificate that binds a PeerId to a hotkey; what is signed is described in the p2p package. Times in ms. */
export const helloSchema = z.strictObject({
  hotkey: ss58Schema,
  notBefore: z.number().int().min(0),
  notAfter: z.number().int().min(0),
  /** sr25519, 64 bytes hex. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type Hello = z.infer<typeof helloSchema>;

export const offerRequestSchema = z.strictObject({ offer: taskOfferSchema });

/** Why a miner declines; shown to the operator of the validator. */
export const declineReasons = [
  'busy',
  'draining',
  'model_not_accepted',
  'dataset_type_not_accepted',
  'too_large',
  'too_much_work',
  'unprofitable',
  'disk_full',
  'too_little_time',
  'too_much_time',
  'wrong_netuid',
  'validator_not_accepted',
  'outside_hours',
  'offer_expired',
  'internal',
] as const;
export const offerAnswerSchema = z.discriminatedUnion('accept', [
  z.strictObject({ accept: z.literal(true) }),
  z.strictObject({ accept: z.literal(false), reason: z.enum(declineReasons), message: z.string().max(500) }),
]);
export type OfferAnswer = z.infer<typeof offerAnswerSchema>;

/** State of a task at a miner. The last three are ends. */
export const minerTaskStates = [
  'queued',
  'training',
  'publishing',
  'committing',
  'committed',
  'published',
  'failed',
  'unknown',
] as const;

/** One point of a loss curve, as `log.jsonl` has it. `ts` is unix time in ms. */
export const curvePointSchema = z.strictObject({
  step: z.number().int().min(0),
  epoch: z.number().min(0),
  loss: z.number(),
  lr: z.number().min(0),
  tokens: z.number().int().min(0),
  ts: z.number().int().min(0),
});
export type CurvePoint = z.infer<typeof curvePointSchema>;

export const statusRequestSchema = z.strictObject({ taskId: taskIdSchema });
export const statusAnswerSchema = z.strictObject({
  state: z.enum(minerTaskStates),
  step: z.number().int().min(0).optional(),
  totalSteps: z.number().int().min(0).optional(),
  loss: z.number().optional(),
  /** Estimated time to the end of training in ms. */
  etaMs: z.number().min(0).optional(),
  repo: repoIdSchema.optional(),
  revision: revisionSchema.optional(),
  message: z.string().max(500).optional(),
});
export type StatusAnswer = z.infer<typeof statusAnswerSchema>;

/** Asks for the loss curve of a task as the trainer reported it, from a step on. */
export const curveRequestSchema = z.strictObject({ taskId: taskIdSchema, fromStep: z.number().int().min(0) });
export type CurveRequest = z.infer<typeof curveRequestSchema>;
/** Steps strictly rise. Of more points than fit an answer, evenly spaced ones are given, the last always among them. */
export const curveAnswerSchema = z.strictObject({
  points: z
    .array(curvePointSchema)
    .max(LIMITS.curveAnswerPoints)
    .refine(
      (points) => points.every(({ step }, at) => at === 0 || step > points[at - 1]!.step),
      'steps must strictly rise',
    ),
});
export type CurveAnswer = z.infer<typeof curveAnswerSchema>;

/** Sent before a connection is closed on purpose. */
export const goodbyeSchema = z.strictObject({
  reason: z.enum(['shutdown', 'not_registered', 'key_rotated', 'too_many_peers']),
});
