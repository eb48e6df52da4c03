import { createHash } from 'node:crypto';
import { BadInputError } from '@tuning/kit';

export const SEED_BYTES = 32;

/** @throws BadInputError SEED_INVALID. */
export function requireSeed(seed: Uint8Array): void {
  if (seed.length === SEED_BYTES) return;
  throw new BadInputError('SEED_INVALID', `a split seed has ${SEED_BYTES} bytes, this one has ${seed.length}`);
}

/**
 * Random numbers that anybody can replay from a seed: block i is sha256(`tuning/random/1\0` ‖ label ‖ `\0` ‖ seed ‖ i as
 * 8 bytes big-endian), read as eight 32-bit big-endian words. Not xoshiro or the like: from published rows nobody shall
 * be able to work back to what is still secret.
 */
export class SeededRandom {
  readonly #prefix: Buffer;
  #counter = 0n;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** `label` separates the streams of one seed. */
  constructor(seed: Uint8Array, label: string) {
    requireSeed(seed);
    this.#prefix = Buffer.concat([Buffer.from(`tuning/random/1\0${label}\0`), seed]);
  }

  /** Uniform in 0 … 2^32 - 1. */
  word(): number {
    if (this.#at >= this.#block.length) {
      const counter = Buffer.alloc(8);
      counter.writeBigUInt64BE(this.#counter++);
      this.#block = createHash('sha256').update(this.#prefix).update(counter).digest();
      this.#at = 0;
    }
    const word = this.#block.readUInt32BE(this.#at);
    this.#at += 4;
    return word;
  }

  /** Uniform in 0 … n - 1, n ≤ 2^32, without modulo bias: words in the last, incomplete range are drawn again. */
  below(n: number): number {
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const word = this.word();
      if (word < limit) return word % n;
    }
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

/** Fisher–Yates from the end, in place: for i = n-1 … 1 swaps i with below(i + 1). Yields for the event loop. */
export function* shuffleSteps(items: Uint32Array, random: SeededRandom): Generator<void, Uint32Array, void> {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const item = items[i]!;
    items[i] = items[j]!;
    items[j] = item;
    yield;
  }
  return items;
}
