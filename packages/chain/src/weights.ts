import { z } from 'zod';
import type { BlockRef } from './block-ref.ts';
import type { ChainContext } from './chain-context.ts';
import { ChainError } from './chain-error.ts';
import type { ChainState } from './chain-state.ts';
import { uint } from './chain-values.ts';

const weightRows = z.array(z.tuple([uint, uint]));

/** The weights that a validator has set, as stored (u16). */
export async function readWeights(
  state: ChainState,
  netuid: number,
  uid: number,
): Promise<{ uid: number; value: number }[]> {
  const rows = await state.read(weightRows, 'subtensorModule', 'weights', netuid, uid);
  return rows.map(([to, value]) => ({ uid: to, value }));
}

/** Block of the last weight set or commit, or of the registration. */
export async function readLastUpdate(state: ChainState, netuid: number, uid: number): Promise<number> {
  return (await state.read(z.array(uint), 'subtensorModule', 'lastUpdate', netuid))[uid] ?? 0;
}

/** @throws ChainError `WEIGHTS_MISMATCH` when the chain holds other weights of `uid` at `block`. */
export async function requireStored(
  context: ChainContext,
  { netuid, uid, uids, values }: { netuid: number; uid: number; uids: number[]; values: number[] },
  block: BlockRef,
  call: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stored = await context.read('the weights just set', (state) => readWeights(state, netuid, uid), {
    at: block.hash,
    signal,
  });
  const same =
    stored.length === uids.length && stored.every((row, at) => row.uid === uids[at] && row.value === values[at]);
  if (same) return;
  throw new ChainError(
    'WEIGHTS_MISMATCH',
    `${call} succeeded in block ${block.number}, but the chain holds other weights of uid ${uid} there: read them before setting again`,
    { details: { block: block.number } },
  );
}
