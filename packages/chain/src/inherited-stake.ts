import { z } from 'zod';
import type { ChainState } from './chain-state.ts';
import { account, bigUint } from './chain-values.ts';

const PALLET = 'subtensorModule';
const ROOT = 0;
const WHOLE = (1n << 64n) - 1n;
/** The chain counts in fixed point with 32 bits behind the point. */
const FRACTION_BITS = 32n;

/** Shares of 2^64 - 1, and whose. */
const relatives = z.array(z.tuple([bigUint, account]));

/**
 * The alpha stake that counts for each hotkey on a subnet, RAO: its own, less what its child hotkeys hold of it, and what it
 * holds of its parents' (get_inherited_for_hotkey_on_subnet of pallets/subtensor/src/staking/stake_utils.rs).
 */
export async function readInheritedStakes(
  state: ChainState,
  netuid: number,
  hotkeys: readonly string[],
): Promise<bigint[]> {
  const own = await readStakes(state, netuid, hotkeys);
  if (netuid === ROOT || !state.has(PALLET, 'childKeys') || !state.has(PALLET, 'parentKeys')) return own;
  const keys = hotkeys.map((hotkey) => [hotkey, netuid]);
  const [children, parents] = await Promise.all([
    state.readMany(relatives, PALLET, 'childKeys', keys),
    state.readMany(relatives, PALLET, 'parentKeys', keys),
  ]);
  // A parent need not be registered on the subnet.
  const others = [...new Set(parents.flatMap((list) => list.map(([, parent]) => parent)))];
  const stakes = await readStakes(state, netuid, others);
  const stakeOf = new Map(others.map((other, at) => [other, stakes[at]!]));
  return hotkeys.map((_, at) => {
    const given = sum(children[at]!.map(([share]) => partOf(own[at]!, share)));
    const kept = (own[at]! << FRACTION_BITS) - given;
    const got = sum(parents[at]!.map(([share, parent]) => partOf(stakeOf.get(parent)!, share)));
    return ((kept > 0n ? kept : 0n) + got) >> FRACTION_BITS;
  });
}

function readStakes(state: ChainState, netuid: number, hotkeys: readonly string[]): Promise<bigint[]> {
  if (!state.has(PALLET, 'totalHotkeyAlpha')) return Promise.resolve(hotkeys.map(() => 0n));
  return state.readMany(
    bigUint,
    PALLET,
    'totalHotkeyAlpha',
    hotkeys.map((hotkey) => [hotkey, netuid]),
  );
}

/** In fixed point. */
function partOf(stake: bigint, share: bigint): bigint {
  return stake * ((share << FRACTION_BITS) / WHOLE);
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}
