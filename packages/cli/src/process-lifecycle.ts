import { errorMessage, exitCodeOf, isTuningError, type Logger } from '@tuning/kit';

/** Aborts on the first SIGINT, SIGTERM or PM2 shutdown message; the second signal ends the process at once. */
export function shutdownSignal(logger?: Logger): AbortSignal {
  const controller = new AbortController();
  const stop = (name: string) => {
    if (controller.signal.aborted) process.exit(1);
    logger?.info({ signal: name }, 'stopping; a second signal ends it at once');
    controller.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('message', (message) => {
    if (message === 'shutdown') stop('shutdown message');
  });
  return controller.signal;
}

/** An error nobody handled is a bug: say so and let the supervisor start again from the store. */
export function exitOnUnhandled(logger: Logger): void {
  const die = (kind: string) => (error: unknown) => {
    logger.error({ kind, error: errorMessage(error), stack: (error as Error)?.stack }, 'unexpected fault');
    process.exit(1);
  };
  process.on('unhandledRejection', die('unhandledRejection'));
  process.on('uncaughtException', die('uncaughtException'));
}

/** One clear line on stderr for what somebody can put right, a stack trace only for a bug; then the exit code. */
export function reportAndExit(error: unknown): never {
  if (isTuningError(error)) process.stderr.write(`${error.code}: ${error.message}\n`);
  else process.stderr.write(`${(error as Error)?.stack ?? errorMessage(error)}\n`);
  process.exit(exitCodeOf(error));
}
