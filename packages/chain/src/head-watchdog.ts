import type { Connection } from './connection.ts';
import type { FinalisedHeads } from './finalised-heads.ts';

const CHECK_MS = 1_000;

/**
 * Judges the connection by the age of the finalised head, not by the state of the socket: a half-open socket, a dead
 * subscription and a node that lost its peers all look alike and are all cured by another connection.
 */
export class HeadWatchdog {
  readonly #connection: Connection;
  readonly #heads: FinalisedHeads;
  readonly #limitMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #lastDrop = 0;

  constructor(connection: Connection, heads: FinalisedHeads, limitMs: () => number) {
    this.#connection = connection;
    this.#heads = heads;
    this.#limitMs = limitMs;
  }

  start(): void {
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const limit = this.#limitMs();
    const now = Date.now();
    if (this.#heads.ageMs <= limit || now - this.#lastDrop <= limit) return;
    this.#lastDrop = now;
    this.#connection.drop(this.#connection.latest, `no finalised block for ${Math.round(this.#heads.ageMs / 1000)} s`);
  }
}
