import type { JobSpec } from '../job.ts';
import { labelNames } from './container-options.ts';
import { type Engine, statusOf } from './engine.ts';

/** Where coreutils and busybox put `timeout`; their short options are the same. */
const PATHS = ['/usr/bin/timeout', '/bin/timeout'];
/** A daemon that lives ends a job first, and says why. */
const MARGIN_MS = 5_000;
/** About a century; what is longer is no limit, and not every `timeout` counts further. */
const MAX_SECONDS = 2 ** 31 - 1;

/** Finds the program by which an image's containers hold themselves to their wall time while no daemon looks. */
export class WallTimers {
  readonly #engine: Engine;
  readonly #registry: string;
  /** By the engine's id of an image; what an image holds never changes. */
  readonly #known = new Map<string, string | undefined>();

  constructor(engine: Engine, registry: string) {
    this.#engine = engine;
    this.#registry = registry;
  }

  /** Path of `timeout` in the image; undefined where it has none. @throws what the engine answers */
  async pathIn(image: string): Promise<string | undefined> {
    if (!this.#known.has(image)) this.#known.set(image, await this.#look(image));
    return this.#known.get(image);
  }

  /** Looks into a container that is never started. */
  async #look(image: string): Promise<string | undefined> {
    const container = await this.#engine.short.createContainer({
      Image: image,
      Entrypoint: [PATHS[0]!],
      Labels: { [labelNames.registry]: this.#registry, [labelNames.job]: 'look' },
      HostConfig: { NetworkMode: 'none' },
    });
    try {
      for (const path of PATHS) {
        try {
          await container.infoArchive({ path });
          return path;
        } catch (error) {
          if (statusOf(error) !== 404) throw error;
        }
      }
      return undefined;
    } finally {
      await container.remove({ force: true, v: true });
    }
  }
}

/** The job's command under `timeout`: SIGTERM a little after its wall time, after the grace time SIGKILL. */
export function timedCommand({ command, limits }: JobSpec, timeout: string | undefined): readonly string[] {
  const seconds = Math.ceil((limits.wallMs + limits.graceMs + MARGIN_MS) / 1000);
  if (timeout === undefined || seconds > MAX_SECONDS) return command;
  // SIGKILL after 0 s would be none at all.
  const grace = Math.max(1, Math.ceil(limits.graceMs / 1000));
  return [timeout, '-s', 'TERM', '-k', String(grace), String(seconds), ...command];
}
