import type { RowLosses } from '@tuning/protocol';
import { seededUint32 } from './random.ts';
import { RULES } from './rules.ts';

/**
 * Chance that `challenger` is really better than `leader`, by a paired bootstrap over rows. With d[i] = challenger's
 * minus leader's sum of negative log likelihoods of row i, each resample draws n rows with replacement and adds their d
 * from left to right; a sum below 0 counts 1, exactly 0 counts ½. The tokens of a row are the same for both models, so
 * the sign of the sum is the sign of the difference of the token-weighted losses.
 * @throws RangeError when the two were not measured on the same rows and tokens.
 */
export function chanceBetter(leader: RowLosses, challenger: RowLosses, seed: string): number {
  requireSameRows(leader, challenger);
  const rows = leader.row.length;
  const differences = Float64Array.from({ length: rows }, (_, i) => challenger.sumNll[i]! - leader.sumNll[i]!);
  const next = seededUint32(seed);
  let halves = 0;
  for (let resample = 0; resample < RULES.bootstrapResamples; resample += 1) {
    let sum = 0;
    // next() * rows stays below 2^53 for any set of ours, so the index is exact.
    for (let i = 0; i < rows; i += 1) sum += differences[Math.floor((next() * rows) / 2 ** 32)]!;
    if (sum < 0) halves += 2;
    else if (sum === 0) halves += 1;
  }
  return halves / (2 * RULES.bootstrapResamples);
}

/** @throws RangeError when the two were not measured on the same rows and tokens, or a loss is not finite. */
export function requireSameRows(a: RowLosses, b: RowLosses): void {
  const rows = a.row.length;
  const lengths = [a.sumNll, a.tokens, b.row, b.sumNll, b.tokens].map((column) => column.length);
  if (rows === 0) throw new RangeError('a paired bootstrap needs at least one row');
  if (lengths.some((length) => length !== rows)) throw new RangeError('row losses differ in their number of rows');
  for (let i = 0; i < rows; i += 1) {
    if (a.row[i] !== b.row[i] || a.tokens[i] !== b.tokens[i]) {
      throw new RangeError(`row losses differ in their rows or tokens at position ${i}`);
    }
    if (!Number.isFinite(a.sumNll[i]) || !Number.isFinite(b.sumNll[i])) {
      throw new RangeError(`a row loss is not finite at position ${i}`);
    }
  }
}
