import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BadInputError, errorCode, errorMessage, type Logger, TransientError } from '@tuning/kit';
import { type JobHandle, type JobSpec, jobIdSchema, jobSpecSchema } from './job.ts';
import { orAborted } from './or-aborted.ts';
import { type JobFile, listJobIds, readJobFile, writeJobFile } from './registry.ts';

/** A folder on its way out: no job id begins with a dot. */
const REMOVED = '.removed-';

/** A job as a backend has it in its hands. */
export interface OpenJob extends JobHandle {
  listen(onLog: (line: string) => void): void;
  /** Stops watching; the job goes on. */
  detach(): Promise<void>;
}

/** Makes the registry folder and clears away what a removal left half done. */
export async function openRegistry(root: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const name of await readdir(root)) {
    if (name.startsWith(REMOVED)) await rm(join(root, name), { recursive: true, force: true });
  }
}

/** @throws BadInputError `JOB_SPEC_INVALID`. */
export function checkedSpec(given: JobSpec): JobFile['spec'] {
  const parsed = jobSpecSchema.safeParse(given);
  const issue = parsed.error?.issues[0];
  if (issue) throw new BadInputError('JOB_SPEC_INVALID', `job spec: ${issue.path.join('.')} ${issue.message}`);
  return parsed.data!;
}

/** What every backend keeps: one handle per id, the folders of the registry, and the end of both. */
export class JobTable<J extends OpenJob> {
  readonly root: string;
  readonly #logger: Logger;
  readonly #open: (id: string, folder: string, file: JobFile) => Promise<J>;
  readonly #jobs = new Map<string, Promise<J>>();
  readonly #closing = new AbortController();

  /** @param open gives the handle of a registered job, starting it where it never was. */
  constructor(root: string, logger: Logger, open: (id: string, folder: string, file: JobFile) => Promise<J>) {
    this.root = root;
    this.#logger = logger;
    this.#open = open;
  }

  /** Aborted with `RUNNER_CLOSED` once the runner is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  folder(id: string): string {
    return join(this.root, jobIdSchema.parse(id));
  }

  /**
   * The job's one handle; a job that is not registered yet becomes so. The signal gives up the waiting for its start.
   * @throws the signal's reason; `RUNNER_CLOSED`.
   */
  async start(
    spec: JobFile['spec'],
    { signal, onLog }: { signal?: AbortSignal; onLog?: (line: string) => void } = {},
  ): Promise<J> {
    this.closing.throwIfAborted();
    signal?.throwIfAborted();
    const find = async (folder: string) => (await readJobFile(folder)) ?? this.#register(folder, spec);
    return orAborted(this.take(spec.id, onLog, find), signal);
  }

  async take(
    id: string,
    onLog: ((line: string) => void) | undefined,
    find: (folder: string) => Promise<JobFile>,
  ): Promise<J> {
    let job = this.#jobs.get(id);
    if (!job) {
      const folder = this.folder(id);
      job = find(folder).then((file) => this.#open(id, folder, file));
      this.#jobs.set(id, job);
      job.catch(() => this.#jobs.delete(id));
    }
    const handle = await job;
    if (onLog) handle.listen(onLog);
    return handle;
  }

  /** Every registered job that carries all of `labels`. @throws `RUNNER_CLOSED`. */
  async adopt(
    labels: Record<string, string>,
    { onLog }: { onLog?: (line: string, id: string) => void } = {},
  ): Promise<JobHandle[]> {
    this.closing.throwIfAborted();
    const adopted: JobHandle[] = [];
    for (const id of await listJobIds(this.root)) {
      try {
        const file = await readJobFile(this.folder(id));
        if (!file || !Object.entries(labels).every(([name, value]) => file.spec.labels[name] === value)) continue;
        adopted.push(await this.take(id, onLog && ((line) => onLog(line, id)), async () => file));
      } catch (error) {
        this.#logger.error({ job: id, error: errorMessage(error) }, 'a registered job cannot be taken up');
      }
    }
    return adopted;
  }

  /** Lets go of the handle, so that the job can be ended without it. */
  async release(id: string): Promise<J | undefined> {
    const job = await this.#jobs.get(id)?.catch(() => undefined);
    this.#jobs.delete(id);
    return job;
  }

  /** Deletes the job's folder. Renamed first: half a deletion must not look like a job. */
  async forget(id: string): Promise<void> {
    const away = join(this.root, `${REMOVED}${id}-${randomBytes(4).toString('hex')}`);
    try {
      await rename(this.folder(id), away);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      throw error;
    }
    await rm(away, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.#closing.abort(new TransientError('RUNNER_CLOSED', 'the runner is closed'));
    const jobs = await Promise.allSettled(this.#jobs.values());
    await Promise.all(jobs.map((job) => (job.status === 'fulfilled' ? job.value.detach() : undefined)));
    this.#jobs.clear();
  }

  async #register(folder: string, spec: JobFile['spec']): Promise<JobFile> {
    const isFolder = await stat(spec.dir).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isFolder) throw new BadInputError('JOB_SPEC_INVALID', `job ${spec.id}: ${spec.dir} is not a folder`);
    const file: JobFile = { version: 1, spec, createdAt: Date.now() };
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeJobFile(folder, file);
    return file;
  }
}
