import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const CARETAKER_RELEASED = 'released';

/** Watches over a demo from outside: should the demo be killed by SIGKILL, its processes, jobs and folder still go. */
export class Caretaker {
  readonly #process: ChildProcess;
  readonly #gone: Promise<void>;

  constructor(folder: string, keep: boolean) {
    const main = fileURLToPath(new URL('./caretaker-main.js', import.meta.url));
    this.#process = spawn(process.execPath, ['--max-old-space-size=48', main, folder, ...(keep ? ['--keep'] : [])], {
      // In a group of its own, so that what ends the demo's group does not end it too.
      detached: true,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#gone = new Promise((resolve) => {
      this.#process.once('error', () => resolve());
      this.#process.once('exit', () => resolve());
    });
    this.#process.stdin?.on('error', () => {});
  }

  /** Everything was cleaned up: it ends without doing anything. */
  async release(): Promise<void> {
    this.#process.stdin?.end(CARETAKER_RELEASED);
    await this.#gone;
  }
}
