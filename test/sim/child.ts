import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A process of the simulation that speaks JSON lines and may be killed at any time. */
export class Child {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #messages: Record<string, unknown>[] = [];
  alive = true;
  /** How it ended where that was not by SIGKILL. */
  fault: string | undefined;

  constructor(file: string, args: string[], env: Record<string, string> = {}) {
    this.#process = spawn(process.execPath, [file, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let errors = '';
    this.#process.stderr!.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString('utf8')).slice(-4_000);
    });
    // A killed process reads no more.
    this.#process.stdin!.on('error', () => {});
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      // The last line of a killed process may be cut.
      try {
        this.#messages.push(JSON.parse(line) as Record<string, unknown>);
      } catch {}
      for (const wake of this.#waiting) wake();
    });
    this.#exited = once(this.#process, 'exit').then(([code, signal]) => {
      this.alive = false;
      if (signal !== 'SIGKILL') this.fault = `ended with ${code ?? signal}: ${errors}`;
      for (const wake of this.#waiting) wake();
    });
  }

  send(message: object): void {
    if (this.alive) this.#process.stdin!.write(`${JSON.stringify(message)}\n`);
  }

  /** What it has said since the last call. */
  take(): Record<string, unknown>[] {
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }

  /** Its next message; undefined where it ended before. */
  async first(): Promise<Record<string, unknown> | undefined> {
    while (this.alive && this.#messages.length === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
    return this.#messages.shift();
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }
}
