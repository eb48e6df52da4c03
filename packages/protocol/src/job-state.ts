import { z } from 'zod';

/** The field's names of a training job's state. */
export const jobStates = ['Queued', 'Running', 'Completed', 'Failed', 'Cancelled'] as const;
export const jobStateSchema = z.enum(jobStates);
export type JobState = z.infer<typeof jobStateSchema>;

/** Where a tournament stands at the validator. `done` and `failed` are ends. */
export const taskStates = ['preparing', 'offering', 'training', 'evaluating', 'weighing', 'done', 'failed'] as const;
export const taskStateSchema = z.enum(taskStates);
export type TaskState = z.infer<typeof taskStateSchema>;
