import { randomBytes } from 'node:crypto';
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, writeFileAtomic } from '@tuning/kit';
import { z } from 'zod';
import { jobIdSchema, jobOutcomes, jobSpecSchema } from './job.ts';
import type { ProcessIdentity } from './procfs.ts';

/**
 * A job's folder in the registry: `job.json` (what to run), `supervisor.json` (who runs it), `process.json` (the
 * command's process), `log.NNNNNN` (segments of its output), `exit.json` (how it ended). It lies outside the job folder,
 * so a job cannot reach it by a relative path.
 */
export const jobFileSchema = z.strictObject({
  version: z.literal(1),
  spec: jobSpecSchema,
  createdAt: z.number().int(),
});
export type JobFile = z.infer<typeof jobFileSchema>;

const identitySchema = z.strictObject({ pid: z.number().int(), startTime: z.number(), bootId: z.string() });

export const exitFileSchema = z.strictObject({
  outcome: z.enum(jobOutcomes),
  exitCode: z.number().int().nullable(),
  reason: z.string(),
  startedAt: z.number().int(),
  endedAt: z.number().int(),
  peakRssBytes: z.number().int().min(0),
});
export type ExitFile = z.infer<typeof exitFileSchema>;

export async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export const writeJson = (path: string, value: object) => writeFileAtomic(path, `${JSON.stringify(value)}\n`, 0o600);

/** The job as registered, or undefined where the folder holds none. */
export const readJobFile = (folder: string) => readJson(join(folder, 'job.json'), jobFileSchema);
export const writeJobFile = (folder: string, file: JobFile) => writeJson(join(folder, 'job.json'), file);

export const readSupervisor = (folder: string) => readJson(join(folder, 'supervisor.json'), identitySchema);

export const readProcess = (folder: string) => readJson(join(folder, 'process.json'), identitySchema);
export const writeProcess = (folder: string, identity: ProcessIdentity) =>
  writeJson(join(folder, 'process.json'), identity);

export const readExit = (folder: string) => readJson(join(folder, 'exit.json'), exitFileSchema);
export const writeExit = (folder: string, exit: ExitFile) => writeJson(join(folder, 'exit.json'), exit);

/** Nobody: holds the place of a supervisor so that none can start any more. Pid 0 is never a process of ours. */
export const NO_SUPERVISOR: ProcessIdentity = { pid: 0, startTime: 0, bootId: '' };

/** Makes the given process the job's one supervisor. False where the job already has one. */
export async function claimSupervision(folder: string, identity: ProcessIdentity): Promise<boolean> {
  const temporary = join(folder, `supervisor.${randomBytes(6).toString('hex')}.tmp`);
  await writeFile(temporary, `${JSON.stringify(identity)}\n`, { mode: 0o600 });
  try {
    // A link fails where the name exists, and shows the whole content at once where it does not.
    await link(temporary, join(folder, 'supervisor.json'));
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Ids of the registered jobs; empty where there is no registry. */
export async function listJobIds(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && jobIdSchema.safeParse(entry.name).success)
      .map((e) => e.name);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
