import type { BlockRef, Chain, CommitArgs } from '@tuning/chain';
import { sleep } from '@tuning/kit';

/** A chain whose finalised head follows the clock, with the one commitment slot of this miner. */
export class FakeChain {
  readonly blockTimeMs = 1_000;
  slot: { block: number; fields: string[] } | undefined;
  /** What happened at this chain and at the hub beside it, in order. */
  readonly events: string[] = [];
  /** Every commitment sent. */
  readonly sent: string[][] = [];
  /** Thrown one after the other by `commit`, before anything is in a block. */
  readonly refusals: Error[] = [];
  /** Thrown one after the other by `commit`, after its block: the answer got lost. */
  readonly losses: Error[] = [];
  /** Thrown by every `commit` and `commitment` while the head stands still: the connection is down. */
  down: { error: Error; at: BlockRef } | undefined;
  /** Blocks from sending to inclusion. */
  delay = 1;
  readonly #offset: number;
  readonly #since = Date.now();

  constructor(head: number) {
    this.#offset = head;
  }

  goDown(error: Error): void {
    this.down = { error, at: this.head };
  }

  get head(): BlockRef {
    if (this.down) return this.down.at;
    return this.#block(this.#offset + Math.floor((Date.now() - this.#since) / this.blockTimeMs));
  }

  commitment = async () => {
    if (this.down) throw this.down.error;
    return this.slot;
  };

  commit = async ({ fields }: CommitArgs): Promise<BlockRef> => {
    if (this.down) throw this.down.error;
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
    this.sent.push(fields);
    this.events.push('commit');
    await sleep(this.delay * this.blockTimeMs);
    const block = this.head;
    this.slot = { block: block.number, fields };
    const loss = this.losses.shift();
    if (loss) throw loss;
    return block;
  };

  asChain(): Chain {
    return this as unknown as Chain;
  }

  #block(number: number): BlockRef {
    return { number, hash: `0x${number.toString(16).padStart(64, '0')}` };
  }
}
