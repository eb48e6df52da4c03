import { NETUID } from './levelling.ts';
import { differs, level, type Step } from './scenario.ts';

/** Epochs of subnet 2 at this tempo are in the blocks 6, 16, 26, …, as long as a scenario aligns them. */
const TEMPO = 9;

/** As spec 293 counts: where (block + netuid + 1) % (tempo + 1) == tempo. */
function nextEpochAfter(block: number, tempo: number, netuid: number): number {
  let next = block + 1;
  while ((next + netuid + 1) % (tempo + 1) !== tempo) next++;
  return next;
}

/**
 * Sets the tempo such that the next epoch is in the same block at every spec. Spec 293 goes by the number of the block, 424
 * by the block of the last epoch, with one block less between two: so it is to be aligned anew after each.
 */
export function alignEpochs(name: string, tempo = TEMPO, netuid = NETUID): Step {
  return level(name, ({ block }) => [
    [['SubtensorModule.Tempo', netuid], tempo],
    [['SubtensorModule.LastEpochBlock', netuid], nextEpochAfter(block, tempo, netuid) - tempo],
  ]);
}

/** Only 424 tells of an epoch: what each uid's incentive came to. */
export const incentives = (emissions: string, netuid = NETUID) =>
  differs('incentive-event', {
    blockEvents: [`SubtensorModule.IncentiveAlphaEmittedToMiners(${netuid}, [${emissions}])`],
  });
