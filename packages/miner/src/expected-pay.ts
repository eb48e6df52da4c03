import type { Metagraph } from '@tuning/chain';

/**
 * The share of the miners' emission that this miner may expect: its own incentive's as it is now; without any, that of one more
 * among those who have some. A guess, for the chain does not know a task's pay before its weights.
 */
export function expectedShare({ neurons }: Pick<Metagraph, 'neurons'>, hotkey: string): number {
  const paid = neurons.filter(({ incentive }) => incentive > 0);
  const all = paid.reduce((sum, { incentive }) => sum + incentive, 0);
  const own = paid.find((neuron) => neuron.hotkey === hotkey)?.incentive ?? 0;
  return own > 0 ? own / all : 1 / (paid.length + 1);
}

/**
 * Alpha for an hour of one GPU. Emission flows while the task is open, work or not, and is shared with the other tasks open here:
 * share × alpha per block × blocks to the deadline ÷ open tasks ÷ hours of training ÷ GPUs of a slot.
 */
export function alphaPerGpuHour(facts: {
  share: number;
  alphaPerBlock: number;
  blocks: number;
  /** This one included. */
  openTasks: number;
  workHours: number;
  gpus: number;
}): number {
  const { share, alphaPerBlock, blocks, openTasks, workHours, gpus } = facts;
  return (share * alphaPerBlock * blocks) / openTasks / workHours / Math.max(1, gpus);
}
