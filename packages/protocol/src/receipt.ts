import { z } from 'zod';
import { datasetTypeSchema, promptFormatSchema } from './dataset-type.ts';
import { lossSummarySchema, measurementSchema } from './loss.ts';
import {
  blockHashSchema,
  blockNumberSchema,
  netuidSchema,
  repoIdSchema,
  revisionSchema,
  sha256Schema,
  ss58Schema,
  taskIdSchema,
  uidSchema,
} from './primitives.ts';
import { verdictSchema } from './verdict.ts';

const chanceSchema = z.number().min(0).max(1);

/** One miner's part of a receipt. */
export const receiptEntrySchema = z.strictObject({
  uid: uidSchema,
  hotkey: ss58Schema,
  submission: z
    .strictObject({ repo: repoIdSchema, revision: revisionSchema, digest: z.string(), block: blockNumberSchema })
    .optional(),
  verdict: verdictSchema,
  synthetic: measurementSchema.optional(),
  passedGate: z.boolean(),
  test: measurementSchema.optional(),
  /** Last loss of the miner's own curve, as it reported it; never used for ranking. */
  reportedTrainLoss: z.number().optional(),
  reportedSteps: z.number().int().optional(),
  /** 1 = best; absent where not ranked. */
  rank: z.number().int().min(1).optional(),
  /** Chance that it is really better than the leader of the tie group it was compared with (paired bootstrap). */
  tieChance: chanceSchema.optional(),
  score: z.number().min(0),
});
export type ReceiptEntry = z.infer<typeof receiptEntrySchema>;

/** Everything that decided a task. Signed by the validator's hotkey over `canonicalJson(body)`. */
export const receiptBodySchema = z.strictObject({
  version: z.literal(1),
  taskId: taskIdSchema,
  genesisHash: blockHashSchema,
  netuid: netuidSchema,
  validator: ss58Schema,
  model: z.strictObject({ repo: repoIdSchema, revision: revisionSchema }),
  datasetType: datasetTypeSchema,
  promptFormat: promptFormatSchema,
  sequenceLen: z.number().int(),
  seal: z.strictObject({
    seal: sha256Schema,
    /** The revealed seed, 32 bytes hex. */
    seed: sha256Schema,
    datasetDigest: sha256Schema,
    trainDigest: sha256Schema,
    testDigest: sha256Schema,
    syntheticDigest: sha256Schema,
    /** How seed and rows became the split (dataset README); absent in receipts of version 1. */
    splitVersion: z.literal([1, 2]).optional(),
    /** Who made the synthetic rows. Absent: `augment`, so that the seed rebuilds them; otherwise they are given out as rows. */
    syntheticGenerator: z.enum(['augment', 'llm']).optional(),
    block: blockNumberSchema,
  }),
  rows: z.strictObject({
    dataset: z.number().int(),
    train: z.number().int(),
    test: z.number().int(),
    synthetic: z.number().int(),
  }),
  train: z.strictObject({ repo: repoIdSchema, revision: revisionSchema }),
  draw: z.strictObject({
    block: blockNumberSchema,
    blockHash: blockHashSchema,
    /** Eligible hotkeys with their draw weight, in uid order. */
    eligible: z.array(z.strictObject({ uid: uidSchema, hotkey: ss58Schema, weight: z.number().min(0) })),
    /** The whole drawn order; the group is its first members that accepted. */
    order: z.array(ss58Schema),
    declined: z.array(z.strictObject({ hotkey: ss58Schema, reason: z.string() })),
  }),
  deadlineBlock: blockNumberSchema,
  base: z.strictObject({ synthetic: lossSummarySchema, test: lossSummarySchema }),
  ranking: z.strictObject({
    /** Finalised head at which the task was ranked; its scores age from here. */
    block: blockNumberSchema,
    work: z.number().min(0),
    /** Hotkeys whose submission passed every check, and so entered the gate. */
    eligible: z.array(ss58Schema),
    /** Hotkeys that went on to the test set, best synthetic loss first. */
    gate: z.array(ss58Schema),
  }),
  entries: z.array(receiptEntrySchema),
  winner: ss58Schema.optional(),
});
export type ReceiptBody = z.infer<typeof receiptBodySchema>;

export const receiptSchema = z.strictObject({
  body: receiptBodySchema,
  /** sha256 of the canonical body. */
  digest: sha256Schema,
  /** sr25519 signature, 64 bytes hex, over `receiptMessage(digest)`. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type Receipt = z.infer<typeof receiptSchema>;

/** What a receipt's signature covers: `tuning/receipt/1\0` ‖ sha256 of the canonical body. */
export function receiptMessage(digest: string): Uint8Array {
  return Buffer.concat([Buffer.from('tuning/receipt/1\0'), Buffer.from(digest, 'hex')]);
}
