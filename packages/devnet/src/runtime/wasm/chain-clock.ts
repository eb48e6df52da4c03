import type { RuntimeState } from '../runtime.ts';

/** twox128('Timestamp') ‖ twox128('Now'): u64 milliseconds. */
export const TIMESTAMP_NOW_KEY = '0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb';

export interface Slot {
  number: bigint;
  /** Milliseconds at which it begins; what Timestamp.set is given. */
  startMs: bigint;
}

/**
 * The slot of the block after `state`. Aura wants one slot per block and the timestamp inside it, so a devnet that
 * builds faster than its slots runs ahead of the wall clock, and one that builds slower skips slots.
 */
export function nextSlot(state: RuntimeState, nowMs: number, slotMs: bigint): Slot {
  const stored = state.get(TIMESTAMP_NOW_KEY);
  const byClock = BigInt(Math.trunc(nowMs)) / slotMs;
  const afterLast = stored?.length === 8 ? Buffer.from(stored).readBigUInt64LE() / slotMs + 1n : 0n;
  const number = byClock > afterLast ? byClock : afterLast;
  return { number, startMs: number * slotMs };
}
