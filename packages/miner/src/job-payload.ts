import { repoIdSchema, revisionSchema, taskIdSchema, trainRequestSchema } from '@tuning/protocol';
import { z } from 'zod';

const model = z.strictObject({ repo: repoIdSchema, revision: revisionSchema });
const bytes = z.number().int().min(0);
/** What the job's room on the disk follows from; absent in rows of older versions. */
const needs = z.strictObject({ model, modelBytes: bytes, rowsBytes: bytes }).optional();

/** What a job row carries: a validator's task, or an order of the operator over HTTP. */
export const jobPayloadSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('task'), taskId: taskIdSchema, needs }),
  z.strictObject({
    kind: z.literal('own'),
    request: trainRequestSchema,
    model,
    /** The rows as JSON lines, in the data folder. */
    rowsFile: z.string(),
    needs,
  }),
]);
export type JobPayload = z.infer<typeof jobPayloadSchema>;

export const taskJobId = (taskId: string): string => `task-${taskId}`;
