import { errorCode, type Logger } from '@tuning/kit';
import type { BlockRef } from './block-ref.ts';
import type { ChainCommitment } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import type { ChainState } from './chain-state.ts';
import { account, uint } from './chain-values.ts';
import type { CommitmentCall } from './commitment-extrinsics.ts';
import { MAX_FIELDS, registrationRow } from './commitment-fields.ts';

/** Blocks rebuilt at a time. */
const BATCH = 256;
/** Bodies read at the same time. */
const AT_ONCE = 16;
/** The oldest state may be dropped while we read it: a few blocks above are safe. */
const MARGIN = 8;

export interface RecoverySources {
  context: ChainContext;
  netuid: number;
  hashOf: (number: number) => Promise<string>;
  /** The commitments that a block's body asks for, in order; undefined when the endpoint has no body either. */
  callsOf: (block: BlockRef) => Promise<CommitmentCall[] | undefined>;
  logger: Logger;
}

type Body = { block: BlockRef; calls: CommitmentCall[] | undefined };
type Recovered = { block: BlockRef; content: ChainCommitment[] };

/** What a state shows of the blocks before it. */
interface Evidence {
  /** Each hotkey's slot, with the block that it was written in. */
  slots: Map<string, { block: number; fields: string[] }>;
  registeredAt: Map<string, number>;
  /** Blocks in which a hotkey's space is counted together at most. */
  epoch: number;
  maxSpace: number;
}

/**
 * Commitments of blocks whose state, and with it their events, is gone. Headers and bodies are kept longer: they show who
 * signed what, but not whether it succeeded. That is told by a later state:
 * - the slot was written in that very block: it succeeded, and the slot says what the block left in it;
 * - the slot was written before, or there is none: it failed;
 * - the slot was written later: it succeeded if the chain had no reason to refuse it, which are that the hotkey was not
 *   registered, that there were more than three fields, or that its space was used up. Where one of these cannot be ruled
 *   out, or another call stands around it, the commitment is given as `unproven`.
 *
 * One object per watch: it remembers the space that was used in the blocks before.
 */
export class CommitmentRecovery {
  readonly #sources: RecoverySources;
  readonly #used = new Map<string, { block: number; space: number }[]>();
  #countedTo = -1;

  constructor(sources: RecoverySources) {
    this.#sources = sources;
  }

  /** Blocks from `from` on, at most up to the one before the oldest whose state is there; at most 256. */
  async recover(from: number, head: number): Promise<Recovered[]> {
    const { hashOf, context, netuid } = this.#sources;
    const oldest = await oldestReadable(context, from, head, hashOf);
    const at = await hashOf(Math.min(head, oldest + Math.min(MARGIN, Math.floor((head - oldest) / 4))));
    const evidence = await context.read('the commitments of a subnet', (state) => readEvidence(state, netuid), { at });
    if (this.#countedTo < from - 1) {
      // Where even these are gone, what they used is not counted.
      await this.#bodies(Math.max(1, from - evidence.epoch), from - 1).catch((error: unknown) => {
        if (errorCode(error) !== 'CHAIN_STATE_PRUNED') throw error;
      });
    }
    const last = Math.min(oldest - 1, from + BATCH - 1);
    const bodies = await this.#bodies(from, last);
    const recovered = bodies.map(({ block, calls }) => ({
      block,
      content: this.#judge(block.number, calls ?? [], evidence),
    }));
    const bodiless = bodies.filter(({ calls }) => calls === undefined).length;
    const unproven = recovered.flatMap(({ content }) => content).filter((one) => one.unproven).length;
    if (bodiless > 0 || unproven > 0) {
      this.#sources.logger.warn(
        { from, to: last, bodiless, unproven },
        'old commitments were read from blocks without their events; blocks without a body show only what was not overwritten: give an archive endpoint for the rest',
      );
    }
    return recovered;
  }

  async #bodies(from: number, to: number): Promise<Body[]> {
    const { hashOf, callsOf } = this.#sources;
    const read: Body[] = [];
    for (let start = from; start <= to; start += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, to - start + 1) }, (_, index) => start + index);
      const some = numbers.map(async (number) => {
        const block = { number, hash: await hashOf(number) };
        return { block, calls: await callsOf(block) };
      });
      read.push(...(await Promise.all(some)));
    }
    for (const { block, calls } of read) {
      if (block.number <= this.#countedTo) continue;
      this.#countedTo = block.number;
      for (const { hotkey, space } of calls ?? []) {
        const used = this.#used.get(hotkey) ?? [];
        used.push({ block: block.number, space });
        this.#used.set(hotkey, used);
      }
    }
    return read;
  }

  #judge(block: number, calls: readonly CommitmentCall[], evidence: Evidence): ChainCommitment[] {
    const found = new Map<string, ChainCommitment>();
    for (const call of calls) {
      const { hotkey, fields, fieldCount } = call;
      const slot = evidence.slots.get(hotkey);
      if (!slot || slot.block < block || fieldCount > MAX_FIELDS) continue;
      // A later one in the same block stands in its place, as it does in the chain.
      found.delete(hotkey);
      const proven = slot.block > block && this.#hadNoReasonToFail(block, call, evidence);
      found.set(hotkey, { hotkey, block, fields, ...(proven ? {} : { unproven: true }) });
    }
    // What the slots show is certain, also of calls that are wrapped in a way that is not known here.
    for (const [hotkey, slot] of evidence.slots) {
      if (slot.block === block) found.set(hotkey, { hotkey, block, fields: slot.fields });
    }
    return [...found.values()];
  }

  #hadNoReasonToFail(block: number, { hotkey, nested }: CommitmentCall, evidence: Evidence): boolean {
    const registeredAt = evidence.registeredAt.get(hotkey);
    const used = (this.#used.get(hotkey) ?? []).filter(
      (one) => one.block <= block && one.block > block - evidence.epoch,
    );
    const space = used.reduce((sum, one) => sum + one.space, 0);
    return !nested && registeredAt !== undefined && registeredAt < block && space <= evidence.maxSpace;
  }
}

async function readEvidence(state: ChainState, netuid: number): Promise<Evidence> {
  const slot = registrationRow.nullish().catch(undefined);
  const [rows, keys, registered, tempo, maxSpace] = await Promise.all([
    state.rows(account, slot, 'commitments', 'commitmentOf', netuid),
    state.rows(uint, account, 'subtensorModule', 'keys', netuid),
    state.rows(uint, uint, 'subtensorModule', 'blockAtRegistration', netuid),
    state.read(uint, 'subtensorModule', 'tempo', netuid),
    state.has('commitments', 'maxSpace') ? state.read(uint, 'commitments', 'maxSpace') : 0,
  ]);
  return {
    slots: new Map([...rows].flatMap(([hotkey, row]) => (row ? [[hotkey, row] as const] : []))),
    registeredAt: new Map([...keys].map(([uid, hotkey]) => [hotkey, registered.get(uid) ?? 0])),
    epoch: tempo + 1,
    maxSpace,
  };
}

/** The first block above `pruned` whose state the endpoint keeps; nodes drop the oldest first. */
async function oldestReadable(
  context: ChainContext,
  pruned: number,
  head: number,
  hashOf: (number: number) => Promise<string>,
): Promise<number> {
  let low = pruned + 1;
  let high = head;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const at = await hashOf(middle);
    const readable = await context
      .read('whether a block is kept', (state) => state.read(uint, 'system', 'number'), { at })
      .then(
        () => true,
        (error: unknown) => {
          if (errorCode(error) === 'CHAIN_STATE_PRUNED') return false;
          throw error;
        },
      );
    if (readable) high = middle;
    else low = middle + 1;
  }
  return low;
}
