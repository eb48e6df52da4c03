import { DEVICES, datasetTypeSchema } from '@tuning/protocol';
import { z } from 'zod';

export const measuredSetSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/),
  /** Absolute path of the set's rows, one JSON object per line. */
  rowsFile: z.string().startsWith('/'),
});

const path = z.string().startsWith('/');

/** What every evaluation job has, whatever it measures; paths absolute. */
const commonSchema = z.strictObject({
  baseDir: path,
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

/** `input.json` of the job of one submission: everything that decides its result. */
export const jobInputSchema = commonSchema.extend({
  /** Absent: the base itself is measured. */
  submissionDir: path.optional(),
});
export type EvaluationJobInput = z.infer<typeof jobInputSchema>;

/** Models of one shared job at most, a base that is measured among them. */
export const MOST_TOGETHER = 17;

/** `input.json` of the job of several submissions on one base. */
export const sharedJobInputSchema = commonSchema.extend({
  /** What to measure; null: the base itself. */
  submissionDirs: z.array(path.nullable()).min(1).max(MOST_TOGETHER),
  /** Bytes of weights in memory at once; one model is held whatever its size. */
  weightBytes: z.number().int().min(0),
});
export type SharedJobInput = z.infer<typeof sharedJobInputSchema>;

export const INPUT_FILE = 'input.json';
/** What the job of one submission leaves. */
export const RESULT_FILE = 'out/result.json';
/** What a shared job leaves of each submission: together they could be more than one JSON text may hold. */
export const resultFileOf = (index: number) => `out/result-${index}.json`;

/** One line of the job's stdout while it measures. */
export const progressSchema = z.strictObject({
  progress: z.strictObject({
    set: z.string(),
    doneRows: z.number().int(),
    totalRows: z.number().int(),
    /** Index of the submission that is measured, in a job of several. */
    model: z.number().int().optional(),
  }),
});
export type EvaluationProgress = z.infer<typeof progressSchema>['progress'];
