import { NETUID } from './levelling.ts';
import { differs, level, type Step } from './scenario.ts';

/** Blocks from one epoch to the next where a scenario keeps to `alignEpochs`: as spec 293 counts, one more than the tempo. */
export const TEMPO = 9;
export const PERIOD = TEMPO + 1;

/** Epochs of subnet 2 at this tempo are in the blocks 6, 16, 26, …: where (block + netuid + 1) % (tempo + 1) == tempo. */
export function nextEpochAfter(block: number, tempo = TEMPO, netuid = NETUID): number {
  let next = block + 1;
  while ((next + netuid + 1) % (tempo + 1) !== tempo) next++;
  return next;
}

/**
 * Sets the tempo such that the next epoch is in the same block at every spec. Spec 293 goes by the number of the block, 424
 * by the block of the last epoch, with one block less between two: so it is to be aligned anew after each.
 */
export function alignEpochs(name: string, tempo = TEMPO): Step {
  return level(name, ({ block }) => [
    [['SubtensorModule.Tempo', NETUID], tempo],
    [['SubtensorModule.LastEpochBlock', NETUID], nextEpochAfter(block, tempo) - tempo],
  ]);
}

/** Only 424 tells of an epoch: what each uid's incentive came to. */
export const incentives = (emissions: string, ...others: string[]) =>
  differs('incentive-event', {
    blockEvents: [...others, `SubtensorModule.IncentiveAlphaEmittedToMiners(${NETUID}, [${emissions}])`],
  });
