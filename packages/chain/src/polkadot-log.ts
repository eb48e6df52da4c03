import { type Logger, silentLogger } from '@tuning/kit';

/** @polkadot/util's logger calls console with `2026-01-31 12:00:00` and the padded name of a module, `API/INIT:`. */
const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;
const ORIGIN = /^ *[A-Z0-9/_-]+:$/;

let sink: Logger = silentLogger;
let diverted = false;

/**
 * Sends what polkadot.js prints to `logger` at level debug, instead of to the console: it has no other switch, it prints
 * every failed request, and stdout belongs to the program. Other console output passes untouched.
 */
export function divertPolkadotLog(logger: Logger): void {
  sink = logger;
  if (diverted) return;
  diverted = true;
  for (const method of ['log', 'warn', 'error'] as const) {
    const print = console[method].bind(console);
    console[method] = (...args: unknown[]) => {
      const [time, origin, ...rest] = args;
      if (typeof time === 'string' && typeof origin === 'string' && TIME.test(time) && ORIGIN.test(origin)) {
        sink.debug(
          { origin: origin.trim().slice(0, -1), says: rest.map(String).join(' ').slice(0, 500) },
          'polkadot.js',
        );
      } else print(...args);
    };
  }
}
