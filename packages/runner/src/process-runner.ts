import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BadInputError, errorCode, errorMessage, type Logger, silentLogger, TransientError } from '@tuning/kit';
import { type JobHandle, type JobSpec, jobIdSchema, jobSpecSchema, type Runner } from './job.ts';
import { ensureSupervisor, requireSupervisor } from './launch.ts';
import { ProcessJob } from './process-job.ts';
import { claimSupervision, type JobFile, listJobIds, NO_SUPERVISOR, readJobFile, writeJobFile } from './registry.ts';

/** A folder on its way out: no job id begins with a dot. */
const REMOVED = '.removed-';

export interface ProcessRunnerOptions {
  /** Registry folder: one folder per job with its spec, log and result. Made with mode 0700 where absent. */
  root: string;
  logger?: Logger;
}

const closedError = () => new TransientError('RUNNER_CLOSED', 'the runner is closed');

/** The embedded backend: each job is a process group under its own small supervisor process. */
class ProcessRunner implements Runner {
  readonly #root: string;
  readonly #logger: Logger;
  readonly #jobs = new Map<string, Promise<ProcessJob>>();
  readonly #closing = new AbortController();

  constructor(root: string, logger: Logger) {
    this.#root = root;
    this.#logger = logger;
  }

  async start(
    given: JobSpec,
    options: { signal?: AbortSignal; onLog?: (line: string) => void } = {},
  ): Promise<JobHandle> {
    this.#requireOpen();
    const parsed = jobSpecSchema.safeParse(given);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new BadInputError('JOB_SPEC_INVALID', `job spec: ${issue?.path.join('.')} ${issue?.message}`);
    }
    const spec = parsed.data;
    if (spec.image !== undefined) {
      throw new BadInputError(
        'JOB_SPEC_INVALID',
        `job ${spec.id}: the process runner has no images; use docker for it`,
      );
    }
    const job = await this.#job(
      spec.id,
      async (folder) => {
        const known = await readJobFile(folder);
        if (known) return known;
        options.signal?.throwIfAborted();
        const isFolder = await stat(spec.dir).then(
          (found) => found.isDirectory(),
          () => false,
        );
        if (!isFolder) throw new BadInputError('JOB_SPEC_INVALID', `job ${spec.id}: ${spec.dir} is not a folder`);
        const file: JobFile = { version: 1, spec, createdAt: Date.now() };
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeJobFile(folder, file);
        return file;
      },
      options.signal,
    );
    if (options.onLog) job.listen(options.onLog);
    return job;
  }

  async adopt(
    labels: Record<string, string>,
    options: { onLog?: (line: string, id: string) => void } = {},
  ): Promise<JobHandle[]> {
    this.#requireOpen();
    const adopted: JobHandle[] = [];
    for (const id of await listJobIds(this.#root)) {
      const file = await this.#readForAdoption(id);
      if (!file || !Object.entries(labels).every(([name, value]) => file.spec.labels[name] === value)) continue;
      try {
        const job = await this.#job(id, async () => file);
        const { onLog } = options;
        if (onLog) job.listen((line) => onLog(line, id));
        adopted.push(job);
      } catch (error) {
        this.#logger.error({ job: id, error: errorMessage(error) }, 'a registered job cannot be taken up');
      }
    }
    return adopted;
  }

  async remove(id: string): Promise<void> {
    this.#requireOpen();
    const folder = join(this.#root, jobIdSchema.parse(id));
    await this.#jobs.get(id)?.catch(() => {});
    const file = await readJobFile(folder).catch(() => undefined);
    // A job that no supervisor has taken up yet is never started now; any other is stopped.
    if (file && !(await claimSupervision(folder, NO_SUPERVISOR))) await (await this.#job(id, async () => file)).stop();
    this.#jobs.delete(id);
    // Renamed first: half a deletion must not look like a job.
    const away = join(this.#root, `${REMOVED}${id}-${randomBytes(4).toString('hex')}`);
    try {
      await rename(folder, away);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      throw error;
    }
    await rm(away, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.#closing.abort(closedError());
    const jobs = await Promise.allSettled(this.#jobs.values());
    await Promise.all(jobs.map((job) => (job.status === 'fulfilled' ? job.value.detach() : undefined)));
    this.#jobs.clear();
  }

  /** The one handle per id; `register` gives the job's file, and its supervisor is started where it has none. */
  #job(id: string, register: (folder: string) => Promise<JobFile>, signal?: AbortSignal): Promise<ProcessJob> {
    const known = this.#jobs.get(id);
    if (known) return known;
    const folder = join(this.#root, id);
    const job = (async () => {
      const file = await register(folder);
      const closing = this.#closing.signal;
      await ensureSupervisor(id, folder, signal ? AbortSignal.any([signal, closing]) : closing);
      return new ProcessJob(folder, file, this.#logger);
    })();
    this.#jobs.set(id, job);
    job.catch(() => this.#jobs.delete(id));
    return job;
  }

  async #readForAdoption(id: string): Promise<JobFile | undefined> {
    try {
      return await readJobFile(join(this.#root, id));
    } catch (error) {
      this.#logger.error({ job: id, error: errorMessage(error) }, 'a registered job cannot be read and is left out');
      return undefined;
    }
  }

  #requireOpen(): void {
    this.#closing.signal.throwIfAborted();
  }
}

/**
 * Opens the runner over its registry.
 * @throws OperatorError `RUNNER_NEEDS_LINUX`, `RUNNER_NOT_BUILT`.
 */
export async function createProcessRunner(options: ProcessRunnerOptions): Promise<Runner> {
  requireSupervisor();
  const { root, logger = silentLogger } = options;
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const name of await readdir(root)) {
    if (name.startsWith(REMOVED)) await rm(join(root, name), { recursive: true, force: true });
  }
  return new ProcessRunner(root, logger);
}
