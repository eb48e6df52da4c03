import { errorCode, errorMessage, isTuningError, type Logger, OperatorError, sleep, TransientError } from '@tuning/kit';
import type Docker from 'dockerode';

/** A short call that takes longer has met an engine that hangs. */
const SHORT_CALL_MS = 15_000;

const ENGINE_POLL_MS = 500;

/** Two clients of one engine: dockerode's `timeout` bounds the silence on a socket, which long streams may well keep. */
export interface Engine {
  /** For calls that answer at once. */
  readonly short: Docker;
  /** For output streams and for stopping with a grace time. */
  readonly long: Docker;
}

/**
 * The engine that DOCKER_HOST names, or the machine's own. Nothing is connected yet. dockerode brings gRPC and SSH along, so it is
 * loaded where there are containers only.
 */
export async function dockerEngine(): Promise<Engine> {
  const { default: Client } = await import('dockerode');
  return { short: new Client({ timeout: SHORT_CALL_MS }), long: new Client() };
}

const where = () => process.env['DOCKER_HOST'] ?? '/var/run/docker.sock';

/** HTTP status of an engine's refusal; undefined where no answer came at all. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' ? status : undefined;
}

/** The engine's own words; `reason`, which the client adds, is wrong for a missing image. */
export function engineMessage(error: unknown): string {
  const said = (error as { json?: { message?: unknown } } | null)?.json?.message;
  return typeof said === 'string' ? said : errorMessage(error);
}

/** Whether the engine did not answer at all (gone, restarting, hanging), as opposed to refusing. */
export const isUnreachable = (error: unknown): boolean =>
  statusOf(error) === undefined && errorCode(error) !== undefined;

/** What became of a call that the engine did not answer, in words for the operator. */
function awayError(cause: unknown): Error {
  switch (errorCode(cause)) {
    case 'EACCES':
      return new OperatorError(
        'DOCKER_NO_RIGHTS',
        `no right to use the Docker engine at ${where()}: add this user to the group docker, or use a rootless engine`,
        { cause },
      );
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new OperatorError(
        'DOCKER_NOT_RUNNING',
        `no Docker engine answers at ${where()}: start it, or name another by DOCKER_HOST`,
        { cause },
      );
    default:
      return new TransientError(
        'DOCKER_UNREACHABLE',
        `the Docker engine at ${where()} fails: ${engineMessage(cause)}`,
        {
          cause,
        },
      );
  }
}

/**
 * Pings the engine and does `work`; where it is away, or goes away meanwhile, again until `ms` are over.
 * @throws OperatorError `DOCKER_NO_RIGHTS`, `DOCKER_NOT_RUNNING`; TransientError `DOCKER_UNREACHABLE`; what `work` throws of its own.
 */
export async function withEngine(engine: Engine, ms: number, logger: Logger, work: () => Promise<void>): Promise<void> {
  for (const end = performance.now() + ms; ; await sleep(ENGINE_POLL_MS)) {
    try {
      await engine.short.ping();
      return await work();
    } catch (error) {
      if (isTuningError(error)) throw error;
      const isRefusal = statusOf(error) !== undefined;
      if (errorCode(error) === undefined && !isRefusal) throw error;
      const told = awayError(error);
      if (errorCode(told) === 'DOCKER_NO_RIGHTS' || performance.now() > end) throw told;
      logger.info({ error: errorMessage(told) }, 'waiting for the Docker engine');
    }
  }
}

/**
 * The id of an image on the engine, so that a tag which moves later changes nothing. Nothing is pulled.
 * @throws OperatorError `DOCKER_IMAGE_MISSING`.
 */
export async function imageId(engine: Engine, image: string): Promise<string> {
  try {
    return (await engine.short.getImage(image).inspect()).Id;
  } catch (cause) {
    if (statusOf(cause) !== 404 && statusOf(cause) !== 400) throw cause;
    throw new OperatorError(
      'DOCKER_IMAGE_MISSING',
      `the Docker engine has no image ${image}: pull or build it first (docker/README.md)`,
      { cause },
    );
  }
}
