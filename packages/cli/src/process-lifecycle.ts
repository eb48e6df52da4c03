import { errorMessage, exitCodeOf, isTuningError, type Logger } from '@tuning/kit';

/** npm passes a Ctrl-C on to a program that has already heard it from the terminal: within this time they are one. */
const SAME_SIGNAL_MS = 300;

/**
 * Aborts on the first SIGINT, SIGTERM, SIGHUP (the terminal was closed) or PM2 shutdown message.
 * @param again called with 2, 3, … on each further one; by default the second ends the process at once.
 */
export function shutdownSignal(logger?: Logger, again: (count: number) => void = () => process.exit(1)): AbortSignal {
  const controller = new AbortController();
  let count = 0;
  let last = Number.NEGATIVE_INFINITY;
  const stop = (name: string) => {
    const now = performance.now();
    if (now - last < SAME_SIGNAL_MS) return;
    last = now;
    count += 1;
    if (count > 1) {
      again(count);
      return;
    }
    logger?.info({ signal: name }, 'stopping');
    controller.abort(new Error(`stopped by ${name}`));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop(name));
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
