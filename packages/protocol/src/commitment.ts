import { z } from 'zod';
import { BadCommitmentError } from './errors.ts';
import { repoIdSchema, revisionSchema, sha256Schema, taskIdSchema } from './primitives.ts';

/** Bytes that one `Raw` field of the Commitments pallet holds (subtensor pallets/commitments/src/types.rs). */
export const RAW_FIELD_BYTES = 128;
/** Fields of one commitment slot; a miner's live tasks share them. */
export const MAX_FIELDS = 3;

/** A miner's submission: which model, at which commit, with which content. */
export const submissionCommitmentSchema = z.strictObject({
  kind: z.literal('submission'),
  taskId: taskIdSchema,
  repo: repoIdSchema,
  revision: revisionSchema,
  /** `submissionDigest(modelDigest, hotkey)`: 32 lower-case hex digits. */
  digest: z.string().regex(/^[0-9a-f]{32}$/),
});
export type SubmissionCommitment = z.infer<typeof submissionCommitmentSchema>;

/** A validator's promise of a split, made before the first offer. */
export const sealCommitmentSchema = z.strictObject({
  kind: z.literal('seal'),
  taskId: taskIdSchema,
  seal: sha256Schema,
});
export type SealCommitment = z.infer<typeof sealCommitmentSchema>;

export type Commitment = SubmissionCommitment | SealCommitment;

const toBase64Url = (hex: string) => Buffer.from(hex, 'hex').toString('base64url');
const fromBase64Url = (text: string) => Buffer.from(text, 'base64url').toString('hex');

/**
 * Text of one field, ASCII, at most 128 bytes:
 * `t1:<task>:<namespace/name>@<40 hex commit>:<digest, base64url>` or `s1:<task>:<seal hex>`.
 * @throws BadCommitmentError `COMMITMENT_TOO_LONG` when the repo id is over 44 characters.
 */
export function encodeCommitment(commitment: Commitment): string {
  const text =
    commitment.kind === 'seal'
      ? `s1:${commitment.taskId}:${commitment.seal}`
      : `t1:${commitment.taskId}:${commitment.repo}@${commitment.revision}:${toBase64Url(commitment.digest)}`;
  if (Buffer.byteLength(text) > RAW_FIELD_BYTES) {
    throw new BadCommitmentError(
      'COMMITMENT_TOO_LONG',
      `the commitment for ${commitment.taskId} has ${Buffer.byteLength(text)} bytes, a field holds ${RAW_FIELD_BYTES}: use a shorter repo id`,
    );
  }
  return text;
}

/** Longest repo id that a submission's commitment holds, in bytes. */
export const MAX_COMMITTED_REPO_BYTES =
  RAW_FIELD_BYTES - 't1:'.length - 16 - ':'.length - '@'.length - 40 - ':'.length - 22;

/** The commitment in a field's text, or undefined where the field is not one of ours. Never throws. */
export function parseCommitment(text: string): Commitment | undefined {
  const seal = /^s1:([0-9a-f]{16}):([0-9a-f]{64})$/.exec(text);
  if (seal) return { kind: 'seal', taskId: seal[1]!, seal: seal[2]! };
  const match = /^t1:([0-9a-f]{16}):([^@:]{3,96})@([0-9a-f]{40}):([\w-]{22})$/.exec(text);
  if (!match) return undefined;
  const parsed = submissionCommitmentSchema.safeParse({
    kind: 'submission',
    taskId: match[1],
    repo: match[2],
    revision: match[3],
    digest: fromBase64Url(match[4]!),
  });
  return parsed.success ? parsed.data : undefined;
}
