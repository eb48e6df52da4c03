import { repoIdSchema, revisionSchema, taskIdSchema, trainRequestSchema } from '@tuning/protocol';
import { z } from 'zod';

/** What a job row carries: a validator's task, or an order of the operator over HTTP. */
export const jobPayloadSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('task'), taskId: taskIdSchema }),
  z.strictObject({
    kind: z.literal('own'),
    request: trainRequestSchema,
    model: z.strictObject({ repo: repoIdSchema, revision: revisionSchema }),
    /** The rows as JSON lines, in the data folder. */
    rowsFile: z.string(),
  }),
]);
export type JobPayload = z.infer<typeof jobPayloadSchema>;

export const taskJobId = (taskId: string): string => `task-${taskId}`;
