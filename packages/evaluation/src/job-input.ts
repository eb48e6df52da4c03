import { DEVICES, datasetTypeSchema } from '@tuning/protocol';
import { z } from 'zod';

export const measuredSetSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/),
  /** Absolute path of the set's rows, one JSON object per line. */
  rowsFile: z.string().startsWith('/'),
});

/** `input.json` of an evaluation job: everything that decides its result, paths absolute. */
export const jobInputSchema = z.strictObject({
  baseDir: z.string().startsWith('/'),
  /** Absent: the base itself is measured. */
  submissionDir: z.string().startsWith('/').optional(),
  /** True: other files, links and second names beside the submission's files do no harm. */
  anyFiles: z.boolean().optional(),
  /** The base's identity, as an adapter must name it. */
  expected: z.strictObject({ baseRepo: z.string(), baseRevision: z.string() }).optional(),
  /** 32 bytes hex, unknown to miners before the deadline: the outcome brings a sketch of the change under it. */
  sketchSeed: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  sets: z.array(measuredSetSchema).max(16),
  datasetType: datasetTypeSchema,
  sequenceLen: z.number().int().min(2).max(131_072),
  threads: z.number().int().min(1).max(256),
  /** Absent: the CPU. */
  device: z.enum(DEVICES).optional(),
});
export type EvaluationJobInput = z.infer<typeof jobInputSchema>;

export const INPUT_FILE = 'input.json';
export const RESULT_FILE = 'out/result.json';

/** One line of the job's stdout while it measures. */
export const progressSchema = z.strictObject({
  progress: z.strictObject({ set: z.string(), doneRows: z.number().int(), totalRows: z.number().int() }),
});
export type EvaluationProgress = z.infer<typeof progressSchema>['progress'];
