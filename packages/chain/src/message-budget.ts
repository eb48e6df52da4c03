/** What may come unasked: a burst, and then so much per second. */
const BURST = { messages: 20_000, bytes: 32 * 1024 * 1024 };
const PER_SECOND = { messages: 500, bytes: 1024 * 1024 };

/**
 * Counts what an endpoint sends without being asked: notifications, answers to no question, pings. A chain announces a
 * block every few seconds, and a development chain some thousand at once; more is a flood, and reading it would leave the
 * process no time for anything else.
 */
export class MessageBudget {
  #messages = BURST.messages;
  #bytes = BURST.bytes;
  #at: number;

  constructor(now = Date.now()) {
    this.#at = now;
  }

  /** Whether the endpoint may still send a message of so many bytes. */
  take(bytes: number, now = Date.now()): boolean {
    const seconds = Math.max(0, now - this.#at) / 1000;
    this.#at = now;
    this.#messages = Math.min(BURST.messages, this.#messages + seconds * PER_SECOND.messages) - 1;
    this.#bytes = Math.min(BURST.bytes, this.#bytes + seconds * PER_SECOND.bytes) - bytes;
    return this.#messages >= 0 && this.#bytes >= 0;
  }
}
