import { z } from 'zod';

/**
 * Outcome of one miner in one task. `accepted` is the only one that can score. Each of the others is the miner's doing;
 * our own faults (hub down, chain down) are retried and never become a verdict.
 */
export const verdictCodes = [
  'accepted',
  'no_submission',
  'late_submission',
  'repo_not_public',
  'repo_not_found',
  'too_large',
  'unexpected_file',
  'missing_file',
  'digest_mismatch',
  'bad_config',
  'bad_safetensors',
  'tensor_mismatch',
  'non_finite_weights',
  'identical_to_base',
  'unrelated_weights',
  'adapter_base_mismatch',
  'adapter_unsupported',
  'copy_of_another',
  'non_finite_loss',
  'evaluation_limit',
] as const;
export const verdictCodeSchema = z.enum(verdictCodes);
export type VerdictCode = z.infer<typeof verdictCodeSchema>;

export const verdictSchema = z.strictObject({
  code: verdictCodeSchema,
  /** One sentence for the miner: what was found, where. */
  reason: z.string().max(1000),
  /** Numbers behind it. */
  evidence: z.record(z.string().max(64), z.union([z.string().max(1000), z.number(), z.boolean()])).optional(),
});
export type Verdict = z.infer<typeof verdictSchema>;
