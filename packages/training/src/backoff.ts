const BASE_MS = 1_000;
const MAX_MS = 60_000;

/** When a job that went back to the queue may run again: after 1 s, 2 s, 4 s … up to a minute. In memory only. */
export class Backoff {
  readonly #waits = new Map<string, { failures: number; until: number }>();

  delay(id: string, now: number): void {
    const failures = this.#waits.get(id)?.failures ?? 0;
    this.#waits.set(id, { failures: failures + 1, until: now + Math.min(MAX_MS, BASE_MS * 2 ** failures) });
  }

  forget(id: string): void {
    this.#waits.delete(id);
  }

  /** Jobs that have to wait at `now`, and when the first of them may go. */
  waiting(now: number): { ids: string[]; next: number | undefined } {
    const waiting = [...this.#waits].filter(([, { until }]) => until > now);
    return {
      ids: waiting.map(([id]) => id),
      next: waiting.length === 0 ? undefined : Math.min(...waiting.map(([, { until }]) => until)),
    };
  }
}
