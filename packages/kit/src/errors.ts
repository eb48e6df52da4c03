/**
 * Base of every error this project throws on purpose. `code` is stable and machine readable (SCREAMING_SNAKE); the
 * message says what happened, to which thing, and what to do about it. Compare by `code`, not by class: two copies of
 * a package may be loaded.
 */
export class TuningError extends Error {
  override readonly name: string = 'TuningError';
  readonly code: string;
  /** Small, loggable facts about the failure. Never secrets. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Something only the operator can put right (token, wallet, port, endpoint, flag): one line, exit code 78, no restart. */
export class OperatorError extends TuningError {
  override readonly name = 'OperatorError';
}

/** A passing fault of a service we depend on: try again later, never a verdict on a miner. */
export class TransientError extends TuningError {
  override readonly name = 'TransientError';
}

/** Input from outside (user, wire, chain, hub, disk) that is refused. */
export class BadInputError extends TuningError {
  override readonly name = 'BadInputError';
}

/** Exit code of a configuration error (EX_CONFIG of sysexits.h): a supervisor must not restart on it. */
export const EXIT_OPERATOR = 78;

export function isTuningError(error: unknown): error is TuningError {
  return error instanceof Error && typeof (error as { code?: unknown }).code === 'string' && 'details' in error;
}

export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** 78 for an OperatorError, 1 for anything else. */
export function exitCodeOf(error: unknown): number {
  return error instanceof Error && error.name === 'OperatorError' ? EXIT_OPERATOR : 1;
}
