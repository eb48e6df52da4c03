import type { Pallet } from '../pallet.ts';

/** Milliseconds between blocks of a production chain. */
export const MAINNET_SLOT_MS = 12_000;

/**
 * Block production is the node's affair; clients read the block time from here (250 ms on a fast chain) and choose by it
 * the drand round at which weights are revealed.
 */
export function auraPallet(slotMs: number): Pallet {
  return {
    name: 'Aura',
    index: 3,
    path: 'pallet_aura::pallet',
    constants: { SlotDuration: ['u64', BigInt(slotMs)] },
  };
}
