import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A block to be included. */
const INCLUSION_MS = 150;

/**
 * The part of a chain that submissions need, in two files that outlive a killed miner: `head` (written by the test) and
 * `commitments.jsonl`, a line per extrinsic. It has no limit of space per tempo, which would hold 200 tasks up for hours.
 */
export class FakeChain {
  blockTimeMs = 1_000;
  #folder;

  constructor(folder) {
    this.#folder = folder;
  }

  get head() {
    return { number: Number(readFileSync(join(this.#folder, 'head'), 'utf8')) };
  }

  async commit({ fields }) {
    await sleep(INCLUSION_MS);
    const { number } = this.head;
    appendFileSync(join(this.#folder, 'commitments.jsonl'), `${JSON.stringify({ block: number, fields })}\n`);
    return { number };
  }

  async commitment() {
    const file = join(this.#folder, 'commitments.jsonl');
    const last = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) : '';
    return last === '' ? undefined : JSON.parse(last);
  }
}
