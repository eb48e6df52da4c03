import { z } from 'zod';
import { arithmeticSchema } from './arithmetic.ts';

/** Why a row was left out, and how many of them. */
export const droppedRowsSchema = z.record(z.string().max(64), z.number().int().min(0));

/** What was measured on one set of rows. `loss` = sumNll / tokens; `perplexity` = exp(loss). */
export const lossSummarySchema = z.strictObject({
  loss: z.number().min(0),
  perplexity: z.number().min(1),
  /** Sum of negative log likelihoods over trained tokens, in nats. */
  sumNll: z.number().min(0),
  /** Trained tokens counted. */
  tokens: z.number().int().min(1),
  /** Mean over rows of the row's own token mean. */
  rowLoss: z.number().min(0),
  rowsKept: z.number().int().min(1),
  rowsDropped: droppedRowsSchema,
  /** What it was computed by; absent: the CPU in float32. */
  arithmetic: arithmeticSchema.optional(),
});
export type LossSummary = z.infer<typeof lossSummarySchema>;

/** Per-row sums, kept for the paired bootstrap and the receipt. Same order as the rows of the set. */
export const rowLossesSchema = z.strictObject({
  /** Index of the row in its split. */
  row: z.array(z.number().int().min(0)),
  sumNll: z.array(z.number().min(0)),
  tokens: z.array(z.number().int().min(1)),
});
export type RowLosses = z.infer<typeof rowLossesSchema>;

/** A measured set: the summary and the rows behind it. */
export const measurementSchema = z.strictObject({ summary: lossSummarySchema, rows: rowLossesSchema });
export type Measurement = z.infer<typeof measurementSchema>;
