import type { Logger } from '@tuning/kit';

/** A logger that keeps what it was told, as `message` and context. */
export function captureLog(): { logger: Logger; lines: { level: string; message: string; context: object }[] } {
  const lines: { level: string; message: string; context: object }[] = [];
  const at = (level: string) => (context: object | string, message?: string) => {
    if (typeof context === 'string') lines.push({ level, message: context, context: {} });
    else lines.push({ level, message: message ?? '', context });
  };
  const logger = {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  } as unknown as Logger;
  return { logger, lines };
}
