import { OperatorError } from '@tuning/kit';
import { z } from 'zod';
import type { ChainContext } from './chain-context.ts';
import type { ChainState } from './chain-state.ts';
import { uint } from './chain-values.ts';

export function readSubnetExists(state: ChainState, netuid: number): Promise<boolean> {
  return state.read(z.boolean(), 'subtensorModule', 'networksAdded', netuid);
}

export async function readUid(state: ChainState, netuid: number, hotkey: string): Promise<number | undefined> {
  return (await state.read(uint.nullable(), 'subtensorModule', 'uids', netuid, hotkey)) ?? undefined;
}

/** @throws OperatorError `HOTKEY_NOT_REGISTERED`. */
export async function requireUid(
  context: ChainContext,
  netuid: number,
  hotkey: string,
  signal?: AbortSignal,
): Promise<number> {
  const uid = await context.read(`the uid of ${hotkey}`, (state) => readUid(state, netuid, hotkey), { signal });
  if (uid !== undefined) return uid;
  throw new OperatorError(
    'HOTKEY_NOT_REGISTERED',
    `the hotkey ${hotkey} is not registered on subnet ${netuid}: register it first`,
  );
}
