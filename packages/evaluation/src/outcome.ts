import { droppedRowsSchema, measurementSchema, sha256Schema, verdictSchema } from '@tuning/protocol';
import { z } from 'zod';
import { tensorSketchSchema } from './sketch-wire.ts';

/** What a submission turned out to be; `base`: the base itself was measured. */
export const submissionKindSchema = z.enum(['full', 'adapter', 'base']);

/** Result of one evaluation. `sets` is empty unless the verdict is `accepted`. */
export const evaluationOutcomeSchema = z.strictObject({
  verdict: verdictSchema,
  kind: submissionKindSchema,
  /** sha256 over the effective weights; equal for two submissions that are the same model. Absent if never read. */
  weightsDigest: sha256Schema.optional(),
  /** How each tensor differs from the base's, in the model's order; absent if never compared. */
  changes: z
    .array(z.strictObject({ name: z.string(), relative: z.number(), cosine: z.number(), turned: z.number() }))
    .optional(),
  /** The change under the job's `sketchSeed`, for `findCopy`. */
  sketch: z.array(tensorSketchSchema).optional(),
  /** Measured sets by name. */
  sets: z.record(z.string(), measurementSchema),
  /** Rows left out of each set, by reason. */
  dropped: z.record(z.string(), droppedRowsSchema),
});
export type EvaluationOutcome = z.infer<typeof evaluationOutcomeSchema>;

/** What the job leaves in `out/result.json`: an outcome, or a fault that is ours and not the submission's. */
export const jobResultSchema = z.union([
  z.strictObject({ outcome: evaluationOutcomeSchema }),
  z.strictObject({ fault: z.strictObject({ code: z.string().max(64), message: z.string().max(2_000) }) }),
]);
export type EvaluationJobResult = z.infer<typeof jobResultSchema>;
