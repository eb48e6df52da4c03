import { BadInputError } from '@tuning/kit';

const U16_MAX = 65_535;

/**
 * The chain's form of weights: the largest becomes 65535, each other `round(weight * 65535 / largest)`. A weight that is
 * above zero stays above zero.
 * @throws BadInputError `WEIGHTS_INVALID` for a negative or not finite weight, `WEIGHTS_EMPTY` when none is above zero.
 */
export function scaleWeights(weights: readonly number[]): number[] {
  const wrong = weights.find((weight) => !Number.isFinite(weight) || weight < 0);
  if (wrong !== undefined)
    throw new BadInputError('WEIGHTS_INVALID', `${wrong} is not a weight: use finite numbers from 0 up`);
  const largest = Math.max(0, ...weights);
  if (largest === 0)
    throw new BadInputError('WEIGHTS_EMPTY', 'no registered hotkey has a weight above 0: nothing to set');
  return weights.map((weight) => (weight === 0 ? 0 : Math.max(1, Math.round((weight / largest) * U16_MAX))));
}

/**
 * Weights of the hotkeys that are registered now, by uid ascending; those that left are dropped. Padded with zero
 * weights to the least number of entries that the chain takes.
 */
export function weightVector(
  weights: readonly { hotkey: string; weight: number }[],
  uidByHotkey: ReadonlyMap<string, number>,
  leastEntries: number,
): { uids: number[]; values: number[] } {
  const sums = new Map<number, number>();
  for (const { hotkey, weight } of weights) {
    const uid = uidByHotkey.get(hotkey);
    if (uid !== undefined) sums.set(uid, (sums.get(uid) ?? 0) + weight);
  }
  for (const uid of [...uidByHotkey.values()].sort((a, b) => a - b)) {
    if (sums.size >= leastEntries) break;
    if (!sums.has(uid)) sums.set(uid, 0);
  }
  const uids = [...sums.keys()].sort((a, b) => a - b);
  return { uids, values: scaleWeights(uids.map((uid) => sums.get(uid)!)) };
}
