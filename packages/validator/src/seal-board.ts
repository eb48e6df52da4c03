import type { Chain } from '@tuning/chain';
import type { Signer } from '@tuning/kit';
import { encodeCommitment, MAX_FIELDS } from '@tuning/protocol';

/** The validator's own commitment slot: the seals of its live tasks, newest first. */
export class SealBoard {
  readonly #chain: Chain;
  readonly #netuid: number;
  readonly #hotkey: Signer;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(chain: Chain, netuid: number, hotkey: Signer) {
    this.#chain = chain;
    this.#netuid = netuid;
    this.#hotkey = hotkey;
  }

  /** Commits a seal; does nothing when the slot already holds it. @returns the block. */
  commit(taskId: string, seal: string, signal: AbortSignal): Promise<number> {
    const run = async () => {
      const mine = encodeCommitment({ kind: 'seal', taskId, seal });
      const slot = await this.#chain.commitment(this.#netuid, this.#hotkey.address);
      if (slot?.fields.includes(mine)) return slot.block;
      const fields = [mine, ...(slot?.fields ?? []).filter((field) => field.startsWith('s1:'))].slice(0, MAX_FIELDS);
      const block = await this.#chain.commit({ netuid: this.#netuid, hotkey: this.#hotkey, fields }, { signal });
      return block.number;
    };
    const next = this.#queue.then(run, run);
    this.#queue = next.catch(() => {});
    return next;
  }
}
