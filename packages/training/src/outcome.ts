import { type CurvePoint, curvePointSchema } from '@tuning/protocol';
import { z } from 'zod';

/** What `JobRecord.progress` holds of a training job. */
export const trainingProgressSchema = z.strictObject({
  step: curvePointSchema.shape.step,
  totalSteps: z.number().int().min(0).optional(),
  loss: z.number(),
  epoch: z.number().min(0),
  /** Estimated time to the end in ms, from the pace of the last steps. */
  etaMs: z.number().min(0).optional(),
  /** Tokens trained on (labels, not prompts) in a second, over the last steps. */
  tokensPerSecond: z.number().min(0).optional(),
  /** Unix time in ms of the last step. */
  at: z.number().int().min(0),
});
export type TrainingProgress = z.infer<typeof trainingProgressSchema>;

/** What `JobRecord.result` holds of a Completed training job. */
export const trainingResultSchema = z.strictObject({
  /** Absolute folder of the model's files. */
  modelDir: z.string(),
  steps: z.number().int().min(0),
  /** Loss of the last step, null where the trainer reported none. */
  finalLoss: z.number().nullable(),
  curve: z.strictObject({
    /** Points kept of the curve. */
    points: z.number().int().min(0),
    firstLoss: z.number().nullable(),
    lowestLoss: z.number().nullable(),
    /** Trained tokens at the end. */
    tokens: z.number().int().min(0),
    /** Median time of a step in ms, where two steps or more were reported. */
    msPerStep: z.number().min(0).optional(),
  }),
});
export type TrainingResult = z.infer<typeof trainingResultSchema>;

/** The result of a run whose model lies in `modelDir`. */
export function summarise(modelDir: string, curve: readonly CurvePoint[]): TrainingResult {
  const last = curve.at(-1);
  return {
    modelDir,
    steps: last?.step ?? 0,
    finalLoss: last?.loss ?? null,
    curve: {
      points: curve.length,
      firstLoss: curve[0]?.loss ?? null,
      lowestLoss: last ? curve.reduce((lowest, { loss }) => Math.min(lowest, loss), last.loss) : null,
      tokens: last?.tokens ?? 0,
      ...(curve.length < 2 ? {} : { msPerStep: medianStep(curve) }),
    },
  };
}

/** The median, because a run that was stopped and taken up again has one very long step. */
function medianStep(curve: readonly CurvePoint[]): number {
  const times = curve.slice(1).map(({ step, ts }, at) => Math.max(0, ts - curve[at]!.ts) / (step - curve[at]!.step));
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}
