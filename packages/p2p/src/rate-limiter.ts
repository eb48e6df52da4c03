import type { Method, Quotas } from './quotas.ts';

/** Between two sweeps of keys that are as good as new. */
const SWEEP_EVERY_MS = 60_000;

/**
 * Generic cell rate algorithm: one timestamp per key and method, the time at which its bucket will be full again.
 * Exact, cheap, and idle keys cost nothing once swept.
 */
export class RateLimiter {
  readonly #quotas: Quotas;
  readonly #now: () => number;
  readonly #fullAt = new Map<string, number>();
  #sweptAt: number;

  /** @param now a monotonic clock in ms. */
  constructor(quotas: Quotas, now: () => number = () => performance.now()) {
    this.#quotas = quotas;
    this.#now = now;
    this.#sweptAt = now();
  }

  /** Takes one request of `key`; returns 0 when it is within the quota, else the ms after which it would be. */
  take(method: Method, key: string): number {
    const now = this.#now();
    this.#sweep(now);
    const { limit, perMs } = this.#quotas[method];
    const interval = perMs / limit;
    const id = `${method} ${key}`;
    const fullAt = Math.max(now, this.#fullAt.get(id) ?? now);
    const wait = fullAt + interval - perMs - now;
    // A nanosecond of slack: the sums of `interval` carry rounding errors.
    if (wait > 1e-6) return wait;
    this.#fullAt.set(id, fullAt + interval);
    return 0;
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#fullAt.size;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = now;
    for (const [id, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(id);
  }
}
