import { z } from 'zod';

/** What `JobRecord.progress` holds of a training job. */
export const trainingProgressSchema = z.strictObject({
  step: z.number().int().min(0),
  totalSteps: z.number().int().min(0).optional(),
  loss: z.number(),
  epoch: z.number().min(0),
  /** Estimated time to the end in ms, from the pace of the last steps. */
  etaMs: z.number().min(0).optional(),
  /** Unix time in ms of the last step. */
  at: z.number().int().min(0),
});
export type TrainingProgress = z.infer<typeof trainingProgressSchema>;

/** What `JobRecord.result` holds of a Completed training job. */
export const trainingResultSchema = z.strictObject({
  /** Absolute folder of the model's files. */
  modelDir: z.string(),
  steps: z.number().int().min(0),
  finalLoss: z.number(),
  curve: z.strictObject({
    points: z.number().int().min(0),
    firstLoss: z.number(),
    lowestLoss: z.number(),
    tokens: z.number().int().min(0),
  }),
});
export type TrainingResult = z.infer<typeof trainingResultSchema>;
