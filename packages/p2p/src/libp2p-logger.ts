import { format } from 'node:util';
import type { ComponentLogger, Logger as Libp2pLogger } from '@libp2p/interface';
import type { Logger } from '@tuning/kit';

/** libp2p's own formatters (PeerId, multiaddr, bytes, …) as ones that `node:util` knows. */
const FORMATTERS = /%[petkbamc]/g;

/**
 * libp2p's logs in ours: its errors at debug (it retries most of them), the rest at trace. The text is made only when a
 * sink serialises it, because libp2p logs several lines per message.
 */
export function libp2pLogger(logger: Logger): ComponentLogger {
  const forComponent = (component: string): Libp2pLogger => {
    const line = (formatter: unknown, args: unknown[]) => ({
      component,
      text: { toJSON: () => render(formatter, args) },
    });
    const log = (formatter: unknown, ...args: unknown[]) => logger.trace(line(formatter, args), 'libp2p');
    return Object.assign(log, {
      enabled: true,
      trace: log,
      error: (formatter: unknown, ...args: unknown[]) => logger.debug(line(formatter, args), 'libp2p error'),
      newScope: (name: string) => forComponent(`${component}:${name}`),
    });
  };
  return { forComponent };
}

function render(formatter: unknown, args: unknown[]): string {
  const texts = args.map((arg) => (arg instanceof Error ? arg.message : typeof arg === 'number' ? arg : String(arg)));
  return format(String(formatter).replace(FORMATTERS, '%s'), ...texts).slice(0, 500);
}
