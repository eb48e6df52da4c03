import { z } from 'zod';
import { datasetTypeSchema, fileFormatSchema, promptFormatSchema } from './dataset-type.ts';
import {
  blockNumberSchema,
  netuidSchema,
  repoIdSchema,
  repoPathSchema,
  revisionSchema,
  sha256Schema,
  taskIdSchema,
} from './primitives.ts';

/** A dataset as a request names it: a hub repo id (`hf`) or a path of a local file (`csv`, `json`). */
const datasetRefSchema = z.string().min(1).max(4096);

/** Body of the miner's `POST /train/`, as the field writes it. */
export const trainRequestSchema = z.strictObject({
  dataset: datasetRefSchema,
  model: repoIdSchema,
  dataset_type: datasetTypeSchema,
  file_format: fileFormatSchema,
  dataset_revision: revisionSchema.optional(),
  model_revision: revisionSchema.optional(),
});
export type TrainRequest = z.infer<typeof trainRequestSchema>;

/** Body of the validator's `POST /evaluate/`: `model` is judged as a fine-tune of `original_model`. */
export const evaluateRequestSchema = trainRequestSchema.extend({
  original_model: repoIdSchema,
  original_model_revision: revisionSchema.optional(),
});
export type EvaluateRequest = z.infer<typeof evaluateRequestSchema>;

/** Body of the validator's `POST /tasks`: a customer's order. */
export const taskRequestSchema = trainRequestSchema.extend({
  /** Blocks that miners get from the end of the offer window to the deadline. */
  training_blocks: z.number().int().min(10).max(1_000_000).optional(),
  group_size: z.number().int().min(2).max(16).optional(),
  /** Longest sequence in tokens; rows over it are dropped and counted. */
  sequence_len: z.number().int().min(16).max(131_072).optional(),
});
export type TaskRequest = z.infer<typeof taskRequestSchema>;

const fileFacts = { sha256: sha256Schema, bytes: z.number().int().min(1), rows: z.number().int().min(1) };

/** One file of the published train split. */
export const datasetFileSchema = z.strictObject({ path: repoPathSchema, ...fileFacts });

/** The rows of the train split as canonical JSON lines: the sha256 is the `trainDigest` that the seal binds. */
export const trainRowsSchema = z.strictObject({ ...fileFacts, path: repoPathSchema.optional() });

/** Files of one train split; an offer must fit into a wire message. */
const MAX_SHARDS = 64;

/**
 * Where the train split is published. As parquet, `shards` are its files, whose rows in this order are those of `file`;
 * as JSON lines, `file.path` is the one file (older versions, and rows that fit no table).
 */
export const publishedSplitSchema = z
  .strictObject({
    repo: repoIdSchema,
    revision: revisionSchema,
    file: trainRowsSchema,
    shards: z.array(datasetFileSchema).min(1).max(MAX_SHARDS).optional(),
  })
  .refine(({ file, shards }) => (file.path === undefined) !== (shards === undefined), {
    message: 'the split is either one file with a path or shards',
  });
export type PublishedSplit = z.infer<typeof publishedSplitSchema>;

/** What a miner is offered: everything needed to train and to submit in time, and the seal that binds the validator. */
export const taskOfferSchema = z.strictObject({
  taskId: taskIdSchema,
  netuid: netuidSchema,
  model: z.strictObject({ repo: repoIdSchema, revision: revisionSchema }),
  dataset: publishedSplitSchema,
  datasetType: datasetTypeSchema,
  promptFormat: promptFormatSchema,
  sequenceLen: z.number().int().min(16).max(131_072),
  /** sha256(seed ‖ dataset digest ‖ split digests), see `sealOf` of the dataset package. */
  seal: sha256Schema,
  /** The finalised block up to which an answer counts. */
  offerDeadlineBlock: blockNumberSchema,
  /** The last block in which a submission's commitment counts. */
  deadlineBlock: blockNumberSchema,
  /** Upper bound for all files of a submission, in bytes. */
  maxModelBytes: z.number().int().min(1),
});
export type TaskOffer = z.infer<typeof taskOfferSchema>;
