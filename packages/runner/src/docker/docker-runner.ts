import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import {
  BadInputError,
  folderBytes,
  isTuningError,
  type Logger,
  OperatorError,
  silentLogger,
  TransientError,
} from '@tuning/kit';
import type { JobHandle, JobSpec, Runner } from '../job.ts';
import { checkedSpec, JobTable, openRegistry } from '../job-table.ts';
import { type JobFile, listJobIds, readExit } from '../registry.ts';
import { boundedCommand } from './bounded-command.ts';
import { type ContainerBounds, containerOptions, labelNames } from './container-options.ts';
import { type ContainerRecord, readContainer, writeContainer } from './container-record.ts';
import { DockerJob } from './docker-job.ts';
import { dockerEngine, type Engine, engineMessage, imageId, statusOf, withEngine } from './engine.ts';
import { containerUser, handOver } from './hand-over.ts';
import { ImageTools } from './image-tools.ts';
import { registryName } from './registry-name.ts';

/** After a reboot the engine may come up later than the daemon. */
const ENGINE_WAIT_MS = 10_000;
const DEFAULT_PIDS = 1_024;
const DEFAULT_SHM_BYTES = 1024 ** 3;

export interface DockerRunnerOptions extends Partial<ContainerBounds> {
  /** Registry folder: one folder per job with its spec, log and result. Made with mode 0700 where absent. */
  root: string;
  /** An image that must be there from the start, so that its lack is told before the first job. */
  image?: string;
  /** How long to wait for an engine that is not up yet, in ms. Default 10 s. */
  engineWaitMs?: number;
  logger?: Logger;
}

/** Sealed jobs as containers of a Docker engine. */
class DockerRunner implements Runner {
  readonly #jobs: JobTable<DockerJob>;
  readonly #name: string;
  readonly #engine: Engine;
  readonly #bounds: ContainerBounds;
  readonly #logger: Logger;
  readonly #tools: ImageTools;

  constructor(args: { root: string; name: string; engine: Engine; bounds: ContainerBounds; logger: Logger }) {
    this.#name = args.name;
    this.#engine = args.engine;
    this.#bounds = args.bounds;
    this.#logger = args.logger;
    this.#tools = new ImageTools(args.engine, args.name);
    this.#jobs = new JobTable(args.root, args.logger, (_, folder, file) => this.#open(folder, file));
  }

  async start(given: JobSpec, options?: Parameters<Runner['start']>[1]): Promise<JobHandle> {
    const spec = checkedSpec(given);
    if (spec.image === undefined) {
      throw new BadInputError('JOB_SPEC_INVALID', `job ${spec.id}: the docker runner needs an image`);
    }
    return this.#jobs.start(spec, options);
  }

  adopt(labels: Record<string, string>, options?: Parameters<Runner['adopt']>[1]): Promise<JobHandle[]> {
    return this.#jobs.adopt(labels, options);
  }

  async remove(id: string): Promise<void> {
    this.#jobs.closing.throwIfAborted();
    const job = await this.#jobs.release(id);
    await job?.detach();
    const record = await readContainer(this.#jobs.folder(id)).catch(() => undefined);
    // Where the engine is away, the sweep removes the container later: it is registered no more.
    await this.#removeContainer(record?.id ?? this.#containerName(id));
    await this.#jobs.forget(id);
  }

  close(): Promise<void> {
    return this.#jobs.close();
  }

  /** Removes this registry's containers whose job is not registered (any more); never those of a neighbour. */
  async sweep(): Promise<void> {
    const filters = { label: [`${labelNames.registry}=${this.#name}`] };
    const registered = new Set(await listJobIds(this.#jobs.root));
    for (const { Id, Labels } of await this.#engine.short.listContainers({ all: true, filters })) {
      if (registered.has(Labels[labelNames.job] ?? '')) continue;
      this.#logger.warn({ container: Id.slice(0, 12) }, 'removing a container of a job that is gone');
      await this.#removeContainer(Id);
    }
  }

  async #open(folder: string, job: JobFile): Promise<DockerJob> {
    const shared = { folder, job, engine: this.#engine, logger: this.#logger };
    const record = await readContainer(folder);
    if (record && (await this.#hasStarted(folder, record))) return new DockerJob({ ...shared, record });
    return new DockerJob({ ...shared, ...(await this.#launch(folder, job.spec)) });
  }

  /** Whether the container has run: a daemon can die between creating and starting one. */
  async #hasStarted(folder: string, record: ContainerRecord): Promise<boolean> {
    if (await readExit(folder)) return true;
    try {
      return (await this.#engine.short.getContainer(record.id).inspect()).State.Status !== 'created';
    } catch {
      // Gone, or the engine is away: the job itself finds out which.
      return true;
    }
  }

  async #launch(folder: string, spec: JobSpec): Promise<{ record: ContainerRecord; output: Readable }> {
    const name = this.#containerName(spec.id);
    try {
      const image = await imageId(this.#engine, spec.image!);
      // A half-made one of a life that died here.
      await this.#engine.short.getContainer(name).remove({ force: true, v: true }).catch(ignoreAbsent);
      await handOver(spec, this.#bounds.user);
      const tools = await this.#tools.of(image);
      if (!tools.timeout || !tools.sh || !tools.du) {
        const problem =
          'the image lacks timeout, sh or du: while this daemon is down, nothing ends the job at its time or disk';
        this.#logger.warn({ job: spec.id, image: spec.image, found: tools }, problem);
      }
      const options = containerOptions(spec, image, name, this.#name, this.#bounds, boundedCommand(spec, tools));
      const { id } = await this.#engine.short.createContainer(options);
      const record = { id, image, baseBytes: await folderBytes(spec.dir) };
      await writeContainer(folder, record);
      const container = this.#engine.long.getContainer(id);
      // Attached before the start: nothing of the output is missed.
      const output = await container.attach({ stream: true, stdout: true, stderr: true });
      await container.start();
      return { record, output: output as unknown as Readable };
    } catch (error) {
      await this.#removeContainer(name);
      await rm(folder, { recursive: true, force: true });
      throw startError(spec, error);
    }
  }

  async #removeContainer(idOrName: string): Promise<void> {
    try {
      await this.#engine.short.getContainer(idOrName).remove({ force: true, v: true });
    } catch (error) {
      if (statusOf(error) === 404) return;
      this.#logger.warn({ container: idOrName, error: engineMessage(error) }, 'a container could not be removed yet');
    }
  }

  #containerName(id: string): string {
    return `tuning-${this.#name}-${id}`;
  }
}

function ignoreAbsent(error: unknown): void {
  if (statusOf(error) !== 404) throw error;
}

/** What only the operator can mend is told so; the rest may pass. */
function startError(spec: JobSpec, cause: unknown): Error {
  if (isTuningError(cause)) return cause;
  const message = engineMessage(cause);
  if (/could not select device driver|unknown (or invalid )?runtime|nvidia/i.test(message)) {
    return new OperatorError(
      'DOCKER_NO_GPU_RUNTIME',
      `the Docker engine cannot give job ${spec.id} a GPU (${message}): install the NVIDIA container toolkit, or set no GPUs`,
      { cause },
    );
  }
  if (statusOf(cause) === 400) {
    return new OperatorError('DOCKER_REFUSED', `the Docker engine refuses job ${spec.id}: ${message}`, { cause });
  }
  return new TransientError('JOB_NOT_STARTED', `job ${spec.id} did not start: ${message}`, { cause });
}

/**
 * Opens the runner over its registry and removes what earlier lives left on the engine.
 * @throws OperatorError `DOCKER_NOT_RUNNING`, `DOCKER_NO_RIGHTS`, `DOCKER_IMAGE_MISSING`; TransientError `DOCKER_UNREACHABLE`.
 */
export async function createDockerRunner(options: DockerRunnerOptions): Promise<Runner> {
  const { root, logger = silentLogger, engineWaitMs = ENGINE_WAIT_MS, user = containerUser() } = options;
  const engine = await dockerEngine();
  await openRegistry(root);
  const bounds: ContainerBounds = {
    user,
    pids: options.pids ?? DEFAULT_PIDS,
    shmBytes: options.shmBytes ?? DEFAULT_SHM_BYTES,
    ...(options.cpus === undefined ? {} : { cpus: options.cpus }),
    ...(options.gpus === undefined ? {} : { gpus: options.gpus }),
  };
  const runner = new DockerRunner({ root, name: await registryName(root), engine, bounds, logger });
  await withEngine(engine, engineWaitMs, logger, async () => {
    if (options.image !== undefined) await imageId(engine, options.image);
    await runner.sweep();
  });
  return runner;
}
