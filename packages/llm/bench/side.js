// One side of a comparison: a child process of its own that answers one JSON line per request.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const DEADLINE_MS = 900_000;

export class Side {
  #child;
  #lines;

  constructor(command, args) {
    const env = {
      ...process.env,
      HF_HUB_OFFLINE: '1',
      TRANSFORMERS_VERBOSITY: 'error',
      PYTHONWARNINGS: 'ignore',
      PYTHONDONTWRITEBYTECODE: '1',
    };
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    this.#child.on('error', (error) => process.stderr.write(`${command}: ${error.message}\n`));
    this.#child.stdin.on('error', () => {}); // It ended: the missing answer says so.
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  static ours(args) {
    return new Side(process.execPath, [fileURLToPath(new URL('ours.js', import.meta.url)), JSON.stringify(args)]);
  }

  static transformers(python, args) {
    return new Side(python, [fileURLToPath(new URL('transformers_side.py', import.meta.url)), JSON.stringify(args)]);
  }

  static llama(python, args) {
    return new Side(python, [fileURLToPath(new URL('llama_side.py', import.meta.url)), JSON.stringify(args)]);
  }

  async ask(request) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const late = setTimeout(() => this.#child.kill('SIGKILL'), DEADLINE_MS);
    const { value, done } = await this.#lines.next();
    clearTimeout(late);
    if (done) throw new Error(`${this.#child.spawnfile} ended without an answer to ${JSON.stringify(request)}`);
    return JSON.parse(value);
  }

  close() {
    this.#child.stdin.end();
  }
}

/**
 * Asks all sides in turn, `rounds` times after one round that does not count, so that a change of the machine's load
 * meets all of them.
 * @returns answers by side
 */
export async function interleave(sides, request, rounds) {
  const answers = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, side] of Object.entries(sides)) {
      const answer = await side.ask(request);
      if (round > 0) answers[name].push(answer);
    }
  }
  return answers;
}

export const least = (answers, key) => Math.min(...answers.map((answer) => answer[key]));
export const rounded = (value, digits = 2) => Number(value.toFixed(digits));
