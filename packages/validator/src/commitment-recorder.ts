import type { Chain } from '@tuning/chain';
import { errorMessage, type Logger, sleep } from '@tuning/kit';
import type { ValidatorStore } from '@tuning/store';

/**
 * Writes every commitment of the subnet into the store, block by finalised block, so that a slot overwritten later loses
 * nothing. Goes on from the stored cursor after a restart. Resolves when the signal aborts.
 */
export async function recordCommitments(services: {
  chain: Chain;
  netuid: number;
  store: ValidatorStore;
  logger: Logger;
  signal: AbortSignal;
}): Promise<void> {
  const { chain, netuid, store, logger, signal } = services;
  while (!signal.aborted) {
    const cursor = store.commitments.cursor(netuid);
    try {
      await chain.watchCommitments({
        netuid,
        fromBlock: cursor === undefined ? chain.head.number : cursor + 1,
        onBlock: async (block, commitments) => store.commitments.recordBlock(netuid, block, commitments),
        signal,
      });
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ cursor, error: errorMessage(error) }, 'the commitment watch ended; starting it again');
      await sleep(1_000, signal).catch(() => {});
    }
  }
}
