/** At most `limit` requests in a burst, refilled evenly over `perMs` milliseconds. */
export interface Quota {
  readonly limit: number;
  readonly perMs: number;
}

export type Method = 'hello' | 'task' | 'status' | 'curve' | 'goodbye';
export type Quotas = Readonly<Record<Method, Quota>>;

/** Requests taken from one hotkey. libp2p itself limits open streams, never the rate of requests. */
export const DEFAULT_QUOTAS: Quotas = {
  // Two sr25519 operations each; one hello serves a whole connection, so five cover reconnects and restarts.
  hello: { limit: 5, perMs: 15_000 },
  // An offer makes a miner look at its queue and disk. A validator has few tasks at a time, and retries are spaced.
  task: { limit: 16, perMs: 60_000 },
  // A look into one row. A validator with a dozen live tasks may poll each every ten seconds.
  status: { limit: 60, perMs: 60_000 },
  // Up to 40 KB out of memory. Never more often than the status that tells of new steps.
  curve: { limit: 60, perMs: 60_000 },
  // A peer leaves once per connection.
  goodbye: { limit: 2, perMs: 10_000 },
};
