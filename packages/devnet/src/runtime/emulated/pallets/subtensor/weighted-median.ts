import { add, type Fixed, normalise, sub, sum } from '../../fixed-point.ts';
import type { SparseMatrix } from './sparse-matrix.ts';

/**
 * weighted_median of epoch/math.rs: the score at which the stake of lower scores comes to `minority`. A search by
 * halves around the middle entry (not the middle score), because its result for ties is part of consensus.
 */
function weightedMedian(stake: readonly Fixed[], score: readonly Fixed[], minority: Fixed, total: Fixed): Fixed {
  let partition = score.map((_, i) => i);
  let low = 0n;
  let high = total;
  for (let round = 0; round <= score.length; round++) {
    if (partition.length === 0) return 0n;
    if (partition.length === 1) return score[partition[0]!]!;
    const pivot = score[partition[partition.length >> 1]!]!;
    const lower = partition.filter((i) => score[i]! < pivot);
    const upper = partition.filter((i) => score[i]! > pivot);
    const below = add(low, sum(lower.map((i) => stake[i]!)));
    const above = sub(high, sum(upper.map((i) => stake[i]!)));
    if (minority < below && lower.length > 0) {
      partition = lower;
      high = below;
    } else if (above <= minority && upper.length > 0) {
      partition = upper;
      low = above;
    } else return pivot;
  }
  return 0n;
}

/**
 * Consensus per column (weighted_median_col_sparse): the median of what rows with stake say, weighted with it. A row
 * that says nothing about a column says 0. `majority` is kappa.
 */
export function columnMedians(
  stake: readonly Fixed[],
  matrix: SparseMatrix,
  columns: number,
  majority: Fixed,
): Fixed[] {
  const voters = stake.flatMap((value, row) => (value > 0n ? [row] : []));
  const share = normalise(voters.map((row) => stake[row]!));
  const total = sum(share);
  const minority = sub(total, majority);
  const scores = Array.from({ length: columns }, () => voters.map(() => 0n));
  for (const [k, row] of voters.entries()) {
    for (const [column, value] of matrix[row] ?? []) if (scores[column]) scores[column][k] = value;
  }
  return scores.map((score) => weightedMedian(share, score, minority, total));
}
