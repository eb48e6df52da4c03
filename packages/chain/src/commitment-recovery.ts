import { errorCode } from '@tuning/kit';
import type { BlockRef } from './block-ref.ts';
import type { ChainCommitment } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import { account, uint } from './chain-values.ts';
import { registrationRow } from './commitment-fields.ts';

/**
 * What can still be told of the commitments in blocks whose state is gone: each slot names the block it was written in,
 * so those not overwritten since are placed there. Covers `from` up to the block before the oldest readable one.
 */
export async function recoverCommitments(
  context: ChainContext,
  netuid: number,
  from: number,
  head: number,
  hashOf: (number: number) => Promise<string>,
): Promise<{ block: BlockRef; content: ChainCommitment[] }[]> {
  const oldest = await oldestReadable(context, from, head, hashOf);
  const slots = await context.read(
    'the commitments of a subnet',
    (state) => state.rows(account, registrationRow, 'commitments', 'commitmentOf', netuid),
    { at: await hashOf(oldest) },
  );
  const blocks: { block: BlockRef; content: ChainCommitment[] }[] = [];
  for (let number = from; number < oldest; number++) {
    const content = [...slots]
      .filter(([, row]) => row.block === number)
      .map(([hotkey, row]) => ({ hotkey, block: number, fields: row.fields }));
    blocks.push({ block: { number, hash: await hashOf(number) }, content });
  }
  return blocks;
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
