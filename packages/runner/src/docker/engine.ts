import { errorCode, errorMessage, OperatorError, TransientError } from '@tuning/kit';
import Docker from 'dockerode';

/** A short call that takes longer has met an engine that hangs. */
const SHORT_CALL_MS = 15_000;

/** Two clients of one engine: dockerode's `timeout` bounds the silence on a socket, which long streams may well keep. */
export interface Engine {
  /** For calls that answer at once. */
  readonly short: Docker;
  /** For output streams and for stopping with a grace time. */
  readonly long: Docker;
}

/** The engine that DOCKER_HOST names, or the machine's own. Nothing is connected yet. */
export function dockerEngine(): Engine {
  return { short: new Docker({ timeout: SHORT_CALL_MS }), long: new Docker() };
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

/**
 * One round trip to the engine.
 * @throws OperatorError `DOCKER_NO_RIGHTS`, `DOCKER_NOT_RUNNING`; TransientError `DOCKER_UNREACHABLE`.
 */
export async function pingEngine(engine: Engine): Promise<void> {
  try {
    await engine.short.ping();
  } catch (cause) {
    switch (errorCode(cause)) {
      case 'EACCES':
        throw new OperatorError(
          'DOCKER_NO_RIGHTS',
          `no right to use the Docker engine at ${where()}: add this user to the group docker, or use a rootless engine`,
          { cause },
        );
      case 'ENOENT':
      case 'ECONNREFUSED':
        throw new OperatorError(
          'DOCKER_NOT_RUNNING',
          `no Docker engine answers at ${where()}: start it, or name another by DOCKER_HOST`,
          { cause },
        );
      default:
        throw new TransientError(
          'DOCKER_UNREACHABLE',
          `the Docker engine at ${where()} fails: ${engineMessage(cause)}`,
          {
            cause,
          },
        );
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
