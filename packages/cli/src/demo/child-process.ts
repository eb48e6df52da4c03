import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { TuningError, withDeadline } from '@tuning/kit';

/** One line of a daemon's log. */
export type LogLine = { level?: number; msg?: string } & Record<string, unknown>;

export interface ChildOptions {
  name: string;
  /** argv of node. */
  args: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  logFile: string;
}

/** A process of the demo: its JSON log is kept in a file and can be waited on. */
export class DemoChild {
  readonly name: string;
  readonly process: ChildProcess;
  readonly #seen: LogLine[] = [];
  readonly #listeners = new Set<(line: LogLine) => void>();
  readonly #exit: Promise<number | null>;
  #tail: string[] = [];

  constructor(options: ChildOptions) {
    this.name = options.name;
    this.process = spawn(process.execPath, options.args, {
      cwd: options.cwd,
      env: { ...options.env },
      // A group of its own: a Ctrl-C on the terminal reaches the demo alone, which then stops its children in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(options.logFile, { mode: 0o600 });
    const take = (text: string) => {
      log.write(`${text}\n`);
      this.#tail = [...this.#tail.slice(-11), text];
      const line = parseLine(text);
      if (!line) return;
      this.#seen.push(line);
      for (const listener of this.#listeners) listener(line);
    };
    createInterface({ input: this.process.stdout! }).on('line', take);
    createInterface({ input: this.process.stderr! }).on('line', take);
    this.#exit = new Promise((resolve) => {
      this.process.once('error', () => resolve(null));
      this.process.once('exit', (code) => resolve(code));
    });
    this.#exit.then(() => log.end());
  }

  /** The first log line with that message, past or future. @throws TuningError DEMO_PROCESS_ENDED with its last lines. */
  line(message: string, ms: number, signal: AbortSignal): Promise<LogLine> {
    const seen = this.#seen.find(({ msg }) => msg === message);
    if (seen) return Promise.resolve(seen);
    return withDeadline(
      `${this.name}: "${message}"`,
      ms,
      () =>
        new Promise<LogLine>((resolve, reject) => {
          this.#listeners.add((line) => line.msg === message && resolve(line));
          this.#exit.then((code) =>
            reject(
              new TuningError('DEMO_PROCESS_ENDED', `${this.name} ended with code ${code}:\n${this.#tail.join('\n')}`),
            ),
          );
        }),
      signal,
    );
  }

  /** SIGTERM; after `graceMs` SIGKILL to it and to whatever it has started in its group. */
  async stop(graceMs: number): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null || this.process.pid === undefined) return;
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.#killGroup(), graceMs);
    await this.#exit;
    clearTimeout(timer);
  }

  #killGroup(): void {
    try {
      if (this.process.pid !== undefined) process.kill(-this.process.pid, 'SIGKILL');
    } catch {
      // ESRCH: it has already gone.
    }
  }
}

function parseLine(text: string): LogLine | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}
