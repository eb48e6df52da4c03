import type { ChainState } from './chain-state.ts';
import { uint } from './chain-values.ts';

/** The epochs of a subnet as they stand after one block, and as they will come if its tempo stays. */
export interface EpochClock {
  /** The block it was read at. */
  block: number;
  /** Epoch that transactions of that block belong to. */
  epoch: number;
  /** Blocks from one epoch to the next. */
  length: number;
  /** First block of the next epoch; Infinity when the subnet runs none. */
  nextStart: number;
  /** Epochs from a commit of weights to its reveal. */
  revealPeriod: number;
}

/**
 * Reads the schedule that the runtime has: since 2026 an epoch starts `tempo` blocks after the last, or at a block that the
 * owner has set (opentensor/subtensor pallets/subtensor/src/coinbase/run_coinbase.rs, should_run_epoch; its safety net of
 * 50 400 blocks and the deferral of crowded blocks are left out); before, at spec 293, `(block + netuid + 1) / (tempo + 1)`.
 * @param block the number of the state's block.
 */
export async function readEpochClock(state: ChainState, netuid: number, block: number): Promise<EpochClock> {
  const read = (item: string) => state.read(uint, 'subtensorModule', item, netuid);
  const stateful = state.has('subtensorModule', 'subnetEpochIndex');
  const [tempo, revealPeriod, epoch, last, pending] = await Promise.all([
    read('tempo'),
    state.has('subtensorModule', 'revealPeriodEpochs') ? read('revealPeriodEpochs') : 1,
    stateful ? read('subnetEpochIndex') : 0,
    stateful ? read('lastEpochBlock') : 0,
    stateful ? read('pendingEpochAt') : 0,
  ]);
  if (!stateful) {
    const length = tempo + 1;
    const index = Math.floor((block + netuid + 1) / length);
    return { block, epoch: index, length, nextStart: (index + 1) * length - (netuid + 1), revealPeriod };
  }
  if (tempo === 0) return { block, epoch, length: 0, nextStart: Number.POSITIVE_INFINITY, revealPeriod };
  const due = pending > 0 ? Math.min(last + tempo, pending) : last + tempo;
  return { block, epoch, length: tempo, nextStart: Math.max(block + 1, due), revealPeriod };
}

/** The epoch that a transaction in `block` (not before the clock's) will belong to. */
export function epochAt(clock: EpochClock, block: number): number {
  if (block < clock.nextStart) return clock.epoch;
  return clock.epoch + 1 + Math.floor((block - clock.nextStart) / clock.length);
}

/** First block of an epoch after the clock's. */
export function startOfEpoch(clock: EpochClock, epoch: number): number {
  return clock.nextStart + (epoch - clock.epoch - 1) * clock.length;
}

/** Blocks in which weights committed in epoch `epoch` are revealed: `from` up to, not with, `until`. */
export function revealWindow(clock: EpochClock, epoch: number): { from: number; until: number } {
  const reveal = epoch + clock.revealPeriod;
  return { from: startOfEpoch(clock, reveal), until: startOfEpoch(clock, reveal + 1) };
}
