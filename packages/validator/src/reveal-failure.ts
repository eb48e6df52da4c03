import type { BlockRef } from '@tuning/chain';
import type { Watched, WatchedCommit } from './weight-watch.ts';

/**
 * What can have kept the chain from revealing a timelocked commit, in its own order (opentensor/subtensor
 * pallets/subtensor/src/coinbase/reveal_commits.rs): no pulse of the round while the reveal epoch lasted, then all that
 * set_weights checks. The chain itself says nothing.
 * @param head a block after the reveal.
 * @returns at least one clause: what was found, and what to do.
 */
export async function whyNotRevealed(
  { chain, netuid, hotkey }: Watched,
  { round, versionKey, reveal }: WatchedCommit,
  head: BlockRef,
): Promise<string[]> {
  const at = head.hash;
  const [{ neurons }, rules, clock, newest] = await Promise.all([
    chain.metagraph(netuid, { at }),
    chain.hyperparameters(netuid),
    chain.epochs(netuid, { at }),
    newestRound({ chain, netuid, hotkey }, Math.min(reveal.until - 1, head.number - 1)),
  ]);
  const reasons: string[] = [];
  const early = clock.epoch > reveal.epoch && head.number < reveal.until;
  if (newest.round < round) {
    reasons.push(
      `the chain had no pulse of drand round ${round} by block ${newest.block} (its newest was ${newest.round}), so ${
        early
          ? 'the epoch was over before the round'
          : 'its nodes do not follow drand; nothing can be done here but to tell the chain’s operators'
      }`,
    );
  }
  if (early) {
    reasons.push(
      `epoch ${reveal.epoch} was over before block ${reveal.until}, as it was planned: the tempo was changed or an epoch was started by hand`,
    );
  }
  const neuron = neurons.find((one) => one.hotkey === hotkey);
  if (!neuron) {
    reasons.push('the hotkey is not registered on this subnet any more; register it again (tuning register)');
  } else if (!neuron.validatorPermit) {
    reasons.push('the hotkey has no validator permit any more; stake more to it and wait for the next epoch');
  }
  if (rules.weightsVersionKey > BigInt(versionKey)) {
    reasons.push(
      `the subnet asks for version ${rules.weightsVersionKey} of its validators now, and the weights were of ${versionKey}`,
    );
  }
  if (reasons.length > 0) return reasons;
  return ['no reason is to be seen; the stake may have been below the chain’s threshold for weights at that moment'];
}

/** The newest round that the chain had at a block; at the head where the endpoint has dropped that block's state. */
async function newestRound({ chain }: Watched, number: number): Promise<{ round: number; block: number }> {
  try {
    return { round: await chain.drandRound({ at: await chain.blockHash(number) }), block: number };
  } catch {
    const { number: block, hash } = chain.head;
    return { round: await chain.drandRound({ at: hash }), block };
  }
}
