import { z } from 'zod';
import type { Row } from '../row.ts';
import type { SynthesiseArgs } from './synthesise.ts';

export const GENERATOR_NAMES = ['augment', 'llm'] as const;
export type GeneratorName = (typeof GENERATOR_NAMES)[number];

/** Why a row that was written is not in the set. */
export const REFUSALS = [
  /** The answer holds no JSON object, so no row. */
  'not_json',
  /** Other members than the row's columns, or values that are not text. */
  'wrong_fields',
  'too_long',
  'empty_answer',
  /** The answer stands in the prompt: its loss would mean nothing. */
  'answer_in_prompt',
  /** Prompt and answer of a real row. */
  'copy_of_train',
  'copy_of_test',
  /** Too many word sequences of one real row. */
  'near_copy_of_train',
  'near_copy_of_test',
  /** A copy or near copy of another new row. */
  'repeated',
] as const;
export type Refusal = (typeof REFUSALS)[number];

const count = z.number().int().min(0);

/** What a language model was asked, and what that cost. */
export const llmUsageSchema = z.strictObject({
  model: z.string(),
  /** HTTP requests, repeated ones included. */
  requests: count,
  /** Requests that brought no answer, by error code. */
  failures: z.record(z.string(), count),
  promptTokens: count,
  completionTokens: count,
  /** True where a server named no usage, so that tokens were reckoned from characters. */
  tokensEstimated: z.boolean(),
  seconds: z.number().min(0),
  /** By the configured prices; absent where none are. */
  costUsd: z.number().min(0).optional(),
  /** What ended the work before enough rows were there: a limit (`requests`, `tokens`, `seconds`), `nothing_new` or an error code. */
  stopped: z.string().optional(),
});
export type LlmUsage = z.infer<typeof llmUsageSchema>;

/** Counts of one run of a generator; never a row. */
export const generationAccountSchema = z.strictObject({
  generator: z.enum(GENERATOR_NAMES),
  asked: count,
  /** Rows that this generator wrote, accepted, refused or beyond what was asked; without those filled in. */
  proposed: count,
  accepted: count,
  refused: z.partialRecord(z.enum(REFUSALS), count),
  /** Rows of `accepted` that `augment` made because `llm` did not make enough. */
  filled: count,
  shortfall: count,
  /** How often `augment` used each of its edits. */
  strategies: z.record(z.string(), count),
  llm: llmUsageSchema.optional(),
});
export type GenerationAccount = z.infer<typeof generationAccountSchema>;

export interface Generated {
  /** At most `count`. */
  rows: Row[];
  account: GenerationAccount;
}

/** Makes synthetic rows from train rows. `avoid` (the test rows) is only ever compared with what was made. */
export interface SyntheticGenerator {
  readonly name: GeneratorName;
  /** Whether the same arguments give the same rows, so that a revealed seed rebuilds the set. */
  readonly replayable: boolean;
  /** @throws what the generator names; the signal's reason when aborted. */
  generate(args: SynthesiseArgs, signal?: AbortSignal): Promise<Generated>;
}
