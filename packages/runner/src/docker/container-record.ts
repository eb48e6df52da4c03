import { join } from 'node:path';
import { z } from 'zod';
import { jobOutcomes } from '../job.ts';
import { readJson, writeJson } from '../registry.ts';

const containerSchema = z.strictObject({
  /** The engine's id of the container. */
  id: z.string().regex(/^[0-9a-f]{64}$/),
  /** The engine's id of its image. */
  image: z.string(),
  /** Size of the job folder before the start, in bytes. */
  baseBytes: z.number().int().min(0),
});
export type ContainerRecord = z.infer<typeof containerSchema>;

/** Why we ended a container, noted before it is told: a daemon that dies in between still knows. */
const endingSchema = z.strictObject({ outcome: z.enum(jobOutcomes), reason: z.string() });
export type Ending = z.infer<typeof endingSchema>;

/** `container.json` in a job's registry folder: the container was created, so it is never created again. */
export const readContainer = (folder: string) => readJson(join(folder, 'container.json'), containerSchema);
export const writeContainer = (folder: string, record: ContainerRecord) =>
  writeJson(join(folder, 'container.json'), record);

export const readEnding = (folder: string) => readJson(join(folder, 'ending.json'), endingSchema);
export const writeEnding = (folder: string, ending: Ending) => writeJson(join(folder, 'ending.json'), ending);
