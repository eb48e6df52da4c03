import type { RuntimeState } from '../../../runtime.ts';
import { subtensor as s } from './storage.ts';

/** Fixed point of the chain's own decay: 1.0 is 2^32 (utils/misc.rs). */
const ONE = 1n << 32n;
const HALF = 1n << 31n;
const multiply = (value: bigint, factor: bigint): bigint => (value * factor) >> 32n;

function power(base: bigint, exponent: number): bigint {
  let result = ONE;
  let factor = base;
  for (let rest = exponent; rest > 0; rest >>= 1) {
    if (rest & 1) result = multiply(result, factor);
    factor = multiply(factor, factor);
  }
  return result;
}

const factors = new Map<number, bigint>();

/** What a price is multiplied with in each block: the largest factor whose `halfLife`-th power is no more than a half. */
function decayFactor(halfLife: number): bigint {
  const known = factors.get(halfLife);
  if (known !== undefined) return known;
  let low = 0n;
  let high = ONE;
  while (low + 1n < high) {
    const middle = (low + high) >> 1n;
    if (power(middle, halfLife) > HALF) high = middle;
    else low = middle;
  }
  factors.set(halfLife, low);
  return low;
}

function clamped(state: RuntimeState, netuid: number, burn: bigint): bigint {
  const low = s.MinBurn.get(state, netuid);
  const high = s.MaxBurn.get(state, netuid);
  const raised = burn < low ? low : burn;
  return raised > high ? high : raised;
}

/** Every block the price decays with half life BurnHalfLife (blocks; 0 = not) towards MinBurn. */
export function decayBurn(state: RuntimeState, netuid: number, block: number): void {
  const burn = s.Burn.get(state, netuid);
  const halfLife = s.BurnHalfLife.get(state, netuid);
  const decayed = halfLife > 0 && block > 1 ? multiply(burn, decayFactor(halfLife)) : burn;
  const next = clamped(state, netuid, decayed);
  if (next !== burn) s.Burn.put(state, netuid, next);
}

/** Every registration multiplies it by BurnIncreaseMult (at least 1). */
export function raiseBurn(state: RuntimeState, netuid: number): void {
  const one = 1n << 64n;
  const { bits } = s.BurnIncreaseMult.get(state, netuid);
  const raised = (s.Burn.get(state, netuid) * (bits < one ? one : bits)) >> 64n;
  s.Burn.put(state, netuid, clamped(state, netuid, raised));
}
