import { join } from 'node:path';
import type { ContainerCreateOptions } from 'dockerode';
import type { JobSpec } from '../job.ts';

/** Where a job finds its folder inside the container. */
export const JOB_DIR = '/job';

/** Engine's own copy of the output: what a daemon that was away can still read, in json-file segments. */
const ENGINE_LOG = { 'max-size': '4m', 'max-file': '2' };
const TMP_BYTES = 256 * 1024 ** 2;
const NANO = 1_000_000_000;

export const labelNames = { registry: 'tuning.registry', job: 'tuning.job', own: 'tuning.label.' } as const;

/** Bounds that are the machine's rather than a job's. */
export interface ContainerBounds {
  /** `uid:gid` inside the container and owner of what it writes. */
  readonly user: string;
  /** CPUs, fractions allowed; all where absent. More than there are is refused by the engine. */
  readonly cpus?: number;
  /** Processes and threads together. */
  readonly pids: number;
  /** Size of /dev/shm in bytes; it counts as the job's memory. */
  readonly shmBytes: number;
  /** GPUs by index or UUID, `all`, or none. */
  readonly gpus?: 'all' | readonly string[];
}

/**
 * What the engine is asked for: no network, no capability, no new privilege, a read-only root, the job folder read-only but
 * for its outputs, memory without swap. Mounts, not Binds: a missing source in Binds becomes a root-owned folder on the host.
 * @param command what is run instead of the job's own command, which it contains
 */
export function containerOptions(
  spec: JobSpec,
  image: string,
  name: string,
  registry: string,
  bounds: ContainerBounds,
  command: readonly string[] = spec.command,
): ContainerCreateOptions {
  const { limits, outputs } = spec;
  const gpus = spec.gpus ?? bounds.gpus;
  const env = { HOME: '/tmp', TUNING_JOB_DIR: JOB_DIR, ORT_DISABLE_TELEMETRY: '1', ...spec.env };
  const [entry, ...args] = command;
  return {
    name,
    Image: image,
    Entrypoint: [entry!],
    Cmd: args,
    WorkingDir: JOB_DIR,
    User: bounds.user,
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    Labels: {
      [labelNames.registry]: registry,
      [labelNames.job]: spec.id,
      ...Object.fromEntries(Object.entries(spec.labels).map(([key, value]) => [`${labelNames.own}${key}`, value])),
    },
    Tty: false,
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Init: true,
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
      PidsLimit: bounds.pids,
      ShmSize: bounds.shmBytes,
      Tmpfs: { '/tmp': `rw,nosuid,nodev,size=${TMP_BYTES},mode=1777` },
      Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
      LogConfig: { Type: 'json-file', Config: ENGINE_LOG },
      RestartPolicy: { Name: 'no' },
      Mounts: [
        { Type: 'bind', Source: spec.dir, Target: JOB_DIR, ReadOnly: outputs !== undefined },
        ...(outputs ?? []).map((folder) => ({
          Type: 'bind' as const,
          Source: join(spec.dir, folder),
          Target: `${JOB_DIR}/${folder}`,
        })),
      ],
      ...(bounds.cpus === undefined ? {} : { NanoCpus: Math.round(bounds.cpus * NANO) }),
      ...(gpus === undefined ? {} : { DeviceRequests: [gpuRequest(gpus)] }),
    },
  };
}

function gpuRequest(gpus: 'all' | readonly string[]) {
  return {
    Driver: 'nvidia',
    Capabilities: [['gpu']],
    ...(gpus === 'all' ? { Count: -1 } : { DeviceIDs: [...gpus] }),
  };
}
