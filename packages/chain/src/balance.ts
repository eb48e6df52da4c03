import { z } from 'zod';
import type { BlockRef } from './block-ref.ts';
import type { CallOptions, TransferArgs } from './chain.ts';
import type { ChainContext } from './chain-context.ts';
import type { ChainState } from './chain-state.ts';
import { bigUint } from './chain-values.ts';

const accountInfo = z.object({ data: z.object({ free: bigUint }) });

/** Free balance, RAO. */
export async function readFreeBalance(state: ChainState, address: string): Promise<bigint> {
  return (await state.read(accountInfo, 'system', 'account', address)).data.free;
}

/** Price of a registration, RAO. */
export function readBurn(state: ChainState, netuid: number): Promise<bigint> {
  return state.read(bigUint, 'subtensorModule', 'burn', netuid);
}

/** Sends RAO; the sender's account stays alive. */
export async function transfer(
  context: ChainContext,
  { from, to, amount }: TransferArgs,
  options?: CallOptions,
): Promise<BlockRef> {
  const call = { pallet: 'balances', call: 'transferKeepAlive', args: [to, amount] };
  return (await context.submit(call, from, options)).block;
}
