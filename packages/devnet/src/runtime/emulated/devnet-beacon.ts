import { createHash } from 'node:crypto';
import { beaconFromSecret, roundAt } from '@tuning/chain';
import type { RuntimeState } from '../runtime.ts';
import type { Context } from './pallet.ts';
import { drandStorage } from './pallets/drand.ts';
import { timestampStorage } from './pallets/timestamp.ts';

/** Public on purpose: on a devnet anybody may open anything before its time. */
const SECRET = 'tuning devnet beacon';
/** A round takes some 10 ms to sign; after a long pause the rest follows in the next blocks. */
const MAX_ROUNDS_PER_BLOCK = 20;

const sha256 = (bytes: Uint8Array | string): Uint8Array => Uint8Array.from(createHash('sha256').update(bytes).digest());

/**
 * A drand network of the devnet's own, for a chain that cannot fetch the public one's rounds: it keeps quicknet's clock
 * and scheme but signs with a key that is known here. Clients that read the key from Drand.BeaconConfig, as ours does,
 * can seal to it; those that take quicknet's for granted get their commits accepted and never revealed.
 */
export class DevnetBeacon {
  readonly #keys = beaconFromSecret(sha256(SECRET));

  /** At genesis. */
  configure(state: RuntimeState): void {
    const { publicKey } = this.#keys;
    drandStorage.BeaconConfig.put(state, {
      ...drandStorage.BeaconConfig.get(state),
      public_key: publicKey,
      hash: sha256(publicKey),
      group_hash: sha256(publicKey),
      metadata: { beacon_id: new TextEncoder().encode('devnet') },
    });
  }

  /** Writes the pulses that have become due by the chain's own time, in order and without a gap (Drand.write_pulse). */
  publish(context: Pick<Context, 'state' | 'deposit'>): void {
    const { state } = context;
    const due = BigInt(roundAt(Number(timestampStorage.Now.get(state)) / 1000));
    const last = drandStorage.LastStoredRound.get(state);
    const first = last === 0n ? due : last + 1n;
    const rounds: bigint[] = [];
    for (let round = first; round <= due && rounds.length < MAX_ROUNDS_PER_BLOCK; round++) {
      const signature = this.#keys.sign(Number(round));
      drandStorage.Pulses.put(state, round, { round, randomness: sha256(signature), signature });
      rounds.push(round);
    }
    if (rounds.length === 0) return;
    if (last === 0n) drandStorage.OldestStoredRound.put(state, first);
    drandStorage.LastStoredRound.put(state, rounds.at(-1)!);
    context.deposit('Drand', 'NewPulse', { rounds });
  }
}
