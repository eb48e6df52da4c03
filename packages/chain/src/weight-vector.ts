import { BadInputError } from '@tuning/kit';

const U16_MAX = 65_535;

/**
 * The chain's form of weights: the largest becomes 65535, each other `round(weight * 65535 / largest)`. A weight that is
 * above zero stays above zero.
 * @param limit largest share of the sum that one weight may have, as u16 (`MaxWeightsLimit`); 65535 = no limit. What is
 * above it goes to the others in proportion.
 * @throws BadInputError `WEIGHTS_INVALID` for a negative or not finite weight, `WEIGHTS_EMPTY` when none is above zero,
 * `WEIGHTS_CONCENTRATED` when too few are above zero for the limit.
 */
export function scaleWeights(weights: readonly number[], limit: number = U16_MAX): number[] {
  const wrong = weights.find((weight) => !Number.isFinite(weight) || weight < 0);
  if (wrong !== undefined)
    throw new BadInputError('WEIGHTS_INVALID', `${wrong} is not a weight: use finite numbers from 0 up`);
  const largest = Math.max(0, ...weights);
  if (largest === 0)
    throw new BadInputError('WEIGHTS_EMPTY', 'no registered hotkey has a weight above 0: nothing to set');
  const shares = weights.map((weight) => weight / largest);
  if (limit >= U16_MAX) return shares.map((share) => (share === 0 ? 0 : Math.max(1, Math.round(share * U16_MAX))));
  const cap = capOf(shares, limit / U16_MAX);
  // Rounded up, so that the sum never falls and the largest share never rises above the limit.
  return shares.map((share) => Math.ceil((Math.min(share, cap) / cap) * U16_MAX));
}

/** The value above which shares are cut, so that the cut ones have exactly `limit` of the new sum. */
function capOf(shares: readonly number[], limit: number): number {
  const sorted = [...shares].sort((a, b) => b - a);
  let rest = sorted.reduce((sum, share) => sum + share, 0);
  if (sorted[0]! <= limit * rest) return sorted[0]!;
  for (const [at, share] of sorted.entries()) {
    rest -= share;
    const cut = at + 1;
    if (cut * limit >= 1 || share === 0) break;
    const cap = (limit * rest) / (1 - cut * limit);
    if (cap > 0 && cap >= (sorted[at + 1] ?? 0)) return cap;
  }
  const least = Math.floor(1 / limit) + 1;
  throw new BadInputError(
    'WEIGHTS_CONCENTRATED',
    `no hotkey may have more than ${(limit * 100).toFixed(1)} % of a validator's weights on this subnet, so at least ${least} need a weight above 0: score more hotkeys, or ask the subnet's owner to raise the limit`,
  );
}

/** The bounds that a subnet sets on a vector of weights. */
export interface VectorLimits {
  /** Entries that the chain wants at least. */
  leastEntries: number;
  /** As for {@link scaleWeights}. */
  maxWeightsLimit?: number;
  /** The setter's own uid: weight for it alone is exempt from both. */
  ownUid?: number;
}

/**
 * Weights of the hotkeys that are registered now, by uid ascending; those that left are dropped. Padded with zero
 * weights to the least number of entries that the chain takes.
 */
export function weightVector(
  weights: readonly { hotkey: string; weight: number }[],
  uidByHotkey: ReadonlyMap<string, number>,
  { leastEntries, maxWeightsLimit = U16_MAX, ownUid }: VectorLimits,
): { uids: number[]; values: number[] } {
  const sums = new Map<number, number>();
  for (const { hotkey, weight } of weights) {
    const uid = uidByHotkey.get(hotkey);
    if (uid !== undefined) sums.set(uid, (sums.get(uid) ?? 0) + weight);
  }
  const selfWeight = sums.size === 1 && ownUid !== undefined && sums.has(ownUid);
  for (const uid of [...uidByHotkey.values()].sort((a, b) => a - b)) {
    if (selfWeight || sums.size >= leastEntries) break;
    if (!sums.has(uid)) sums.set(uid, 0);
  }
  const uids = [...sums.keys()].sort((a, b) => a - b);
  const limit = selfWeight ? U16_MAX : maxWeightsLimit;
  return {
    uids,
    values: scaleWeights(
      uids.map((uid) => sums.get(uid)!),
      limit,
    ),
  };
}
