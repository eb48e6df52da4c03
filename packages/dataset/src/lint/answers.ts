import { createHash } from 'node:crypto';
import { type Found, noteRow } from './finding.ts';

/** Answers that come once are most; a set of many different ones says itself that there is no imbalance. */
const MAX_ANSWERS = 100_000;
/** Longer answers go by their digest. */
const KEPT_CHARS = 44;

/** Which answer is given most. */
export class Answers {
  readonly #found = new Map<string, Found>();

  note(answer: string, row: number): void {
    const key = answer.length <= KEPT_CHARS ? answer : createHash('sha256').update(answer).digest('base64');
    const known = this.#found.get(key);
    if (known) noteRow(known, row);
    else if (this.#found.size < MAX_ANSWERS) this.#found.set(key, noteRow({ rows: 0, examples: [] }, row));
  }

  commonest(): Found | undefined {
    let most: Found | undefined;
    for (const found of this.#found.values()) if (found.rows > (most?.rows ?? 0)) most = found;
    return most;
  }
}
