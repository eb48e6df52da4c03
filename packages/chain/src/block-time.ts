import type { ChainContext } from './chain-context.ts';
import { bigUint } from './chain-values.ts';
import type { FinalisedHeads } from './finalised-heads.ts';
import type { Session } from './session.ts';

/** Mainnet's, when the runtime names none. */
const FALLBACK_MS = 12_000;
/** Blocks over which the mean is taken. */
const SPAN = 20;
/** It is taken again after so many blocks: the first ones of a young localnet may have been made in a burst. */
const YOUNG = { below: 100, every: 5 };
const EVERY = 20;
/** With fewer blocks than this the expectation is better than a measurement. */
const SHORTEST_SPAN = 4;

/** Time between blocks: the runtime's intention until enough blocks have been seen, then what they show. */
export class BlockTime {
  readonly #context: Pick<ChainContext, 'read'>;
  readonly #heads: FinalisedHeads;
  #ms: number;
  #measuredAt = 0;
  #measuring = false;

  constructor(session: Session, context: Pick<ChainContext, 'read'>, heads: FinalisedHeads) {
    this.#ms = expectedMs(session);
    this.#context = context;
    this.#heads = heads;
  }

  get ms(): number {
    return this.#ms;
  }

  async start(): Promise<void> {
    await this.#measure();
    this.#heads.on(() => {
      const { number } = this.#heads.head;
      if (number - this.#measuredAt >= (number < YOUNG.below ? YOUNG.every : EVERY)) void this.#measure();
    });
  }

  /** Never rejects: the last value stays. */
  async #measure(): Promise<void> {
    const { head } = this.#heads;
    const older = Math.max(1, head.number - SPAN);
    if (this.#measuring || head.number - older < SHORTEST_SPAN) return;
    this.#measuring = true;
    try {
      const time = (at: string) =>
        this.#context.read('the time of a block', (state) => state.read(bigUint, 'timestamp', 'now'), { at });
      const [from, to] = [await time(await this.#heads.hashOf(older)), await time(head.hash)];
      this.#ms = Math.max(1, Number(to - from) / (head.number - older));
      this.#measuredAt = head.number;
    } catch {
      // The next block tries again.
    } finally {
      this.#measuring = false;
    }
  }
}

/** Aura's slot, else twice Timestamp's minimum period. */
function expectedMs(session: Session): number {
  const { consts } = session.api;
  const slot = numberOf(consts['aura']?.['slotDuration']);
  const period = numberOf(consts['timestamp']?.['minimumPeriod']);
  return slot || period * 2 || FALLBACK_MS;
}

function numberOf(constant: { toJSON(): unknown } | undefined): number {
  const parsed = bigUint.safeParse(constant?.toJSON());
  return parsed.success ? Number(parsed.data) : 0;
}
