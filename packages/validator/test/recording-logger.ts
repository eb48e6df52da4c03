import type { Logger } from '@tuning/kit';

export interface LogLine {
  level: string;
  message: string;
  [fact: string]: unknown;
}

/** Keeps what is logged. */
export function recordingLogger(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: string) =>
    (first: unknown, message?: string): void => {
      const facts = typeof first === 'string' ? {} : (first as object);
      lines.push({ ...facts, level, message: message ?? String(first) });
    };
  const logger = {
    ...Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error'].map((level) => [level, at(level)])),
    child: () => logger,
  } as unknown as Logger;
  return { logger, lines };
}
