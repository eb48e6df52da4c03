import type { Chain } from '@tuning/chain';

/** Blocks by the clock where the chain itself tells none: the last head seen, and the time since. */
export class HeadClock {
  readonly #chain: Pick<Chain, 'head' | 'blockTimeMs'>;
  #number: number;
  #since = Date.now();

  constructor(chain: Pick<Chain, 'head' | 'blockTimeMs'>) {
    this.#chain = chain;
    this.#number = chain.head.number;
  }

  /** To be called now and then, for instance with each block, so that the time of the last one is known. */
  look(): {
    /** Head by the clock. */ estimate: number /** The last one seen. */;
    seen: number /** How long ago, in ms. */;
    silentMs: number;
  } {
    const { number } = this.#chain.head;
    if (number > this.#number) {
      this.#number = number;
      this.#since = Date.now();
    }
    const silentMs = Date.now() - this.#since;
    return { seen: this.#number, silentMs, estimate: this.#number + Math.floor(silentMs / this.#chain.blockTimeMs) };
  }
}
