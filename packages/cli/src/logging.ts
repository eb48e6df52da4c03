import type { Logger } from '@tuning/kit';
import { pino } from 'pino';
import { LiveLines } from './live-lines.ts';

/** Fields that must never be printed, wherever a careless context object holds them. */
const REDACTED = ['token', 'mnemonic', 'seed', 'password', 'authorization', 'secretSeed', 'secretPhrase', 'privateKey'];

const LEVELS: Readonly<Record<number, string>> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'WARN', 50: 'ERROR' };

/**
 * pino on stdout: one JSON object per line, or one readable line where stdout is a terminal.
 * @returns the logger, a function that waits until everything is written, and on a terminal the lines below the log.
 */
export function createLogger(level: string): { logger: Logger; flush: () => void; live: LiveLines | undefined } {
  const options = {
    level,
    base: null,
    redact: { paths: REDACTED.flatMap((key) => [key, `*.${key}`]), censor: '[secret]' },
  };
  const live = process.stdout.isTTY && process.env['TERM'] !== 'dumb' ? new LiveLines(process.stdout) : undefined;
  const print = (text: string) => (live ? live.log(text) : process.stdout.write(text));
  const destination = process.stdout.isTTY
    ? { write: (line: string) => void print(readable(line)) }
    : lastingDestination();
  const instance = pino(options, destination);
  return { logger: instance as unknown as Logger, flush: () => instance.flush(), live };
}

/** `18:04:11 info  [hub] model pushed  repo=a/b` */
function readable(line: string): string {
  const { time, level, msg, module, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const clock = new Date(Number(time)).toISOString().slice(11, 19);
  const facts = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
  );
  const where = module === undefined ? '' : `[${String(module)}] `;
  return `${clock} ${(LEVELS[Number(level)] ?? '?').padEnd(5)} ${where}${String(msg)}${facts.length > 0 ? `  ${facts.join(' ')}` : ''}\n`;
}

/** Where stdout is a file on a full disk, lines wait here until there is room, the newest left out beyond this many bytes. */
const WAITING_BYTES = 4 * 1024 ** 2;

function lastingDestination() {
  const destination = pino.destination({ fd: 1, sync: true, maxLength: WAITING_BYTES });
  // Without a listener a log line that cannot be written would end the daemon. It is written again with the next one.
  destination.on('error', () => {});
  return destination;
}
