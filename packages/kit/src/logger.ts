type LogFn = {
  (context: object, message: string): void;
  (message: string): void;
};

/** The part of pino that packages use: static message, facts in the context object, a child per module. */
export interface Logger {
  trace: LogFn;
  debug: LogFn;
  info: LogFn;
  warn: LogFn;
  error: LogFn;
  child(bindings: Record<string, unknown>): Logger;
}

const nothing: LogFn = () => {};

/** Drops everything; the default where no logger is given. */
export const silentLogger: Logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
};
