import { BadInputError, type Logger, silentLogger } from '@tuning/kit';
import type { JobHandle, JobSpec, Runner } from './job.ts';
import { checkedSpec, JobTable, openRegistry } from './job-table.ts';
import { ensureSupervisor, requireSupervisor } from './launch.ts';
import { ProcessJob } from './process-job.ts';
import { claimSupervision, NO_SUPERVISOR, readJobFile } from './registry.ts';

export interface ProcessRunnerOptions {
  /** Registry folder: one folder per job with its spec, log and result. Made with mode 0700 where absent. */
  root: string;
  logger?: Logger;
}

/** The embedded backend: each job is a process group under its own small supervisor process. */
class ProcessRunner implements Runner {
  readonly #jobs: JobTable<ProcessJob>;

  constructor(root: string, logger: Logger) {
    this.#jobs = new JobTable(root, logger, async (id, folder, file) => {
      await ensureSupervisor(id, folder, this.#jobs.closing);
      return new ProcessJob(folder, file, logger);
    });
  }

  async start(given: JobSpec, options?: Parameters<Runner['start']>[1]): Promise<JobHandle> {
    const spec = checkedSpec(given);
    if (spec.image !== undefined) {
      throw new BadInputError(
        'JOB_SPEC_INVALID',
        `job ${spec.id}: the process runner has no images; use docker for it`,
      );
    }
    return this.#jobs.start(spec, options);
  }

  adopt(labels: Record<string, string>, options?: Parameters<Runner['adopt']>[1]): Promise<JobHandle[]> {
    return this.#jobs.adopt(labels, options);
  }

  async remove(id: string): Promise<void> {
    this.#jobs.closing.throwIfAborted();
    const folder = this.#jobs.folder(id);
    const file = await readJobFile(folder).catch(() => undefined);
    // A job that no supervisor has taken up yet is never started now; any other is stopped.
    if (file && !(await claimSupervision(folder, NO_SUPERVISOR))) {
      await (await this.#jobs.take(id, undefined, async () => file)).stop();
    }
    await this.#jobs.release(id);
    await this.#jobs.forget(id);
  }

  close(): Promise<void> {
    return this.#jobs.close();
  }
}

/**
 * Opens the runner over its registry.
 * @throws OperatorError `RUNNER_NEEDS_LINUX`, `RUNNER_NOT_BUILT`.
 */
export async function createProcessRunner(options: ProcessRunnerOptions): Promise<Runner> {
  requireSupervisor();
  const { root, logger = silentLogger } = options;
  await openRegistry(root);
  return new ProcessRunner(root, logger);
}
