import type { RowLosses } from '@tuning/protocol';
import { requireSameRows } from './bootstrap.ts';
import { seededUint32 } from './random.ts';

/** Resamples of the interval: its ends move by about 2 % of its width between seeds. */
const RESAMPLES = 2_000;
/** Share of the resamples between the interval's ends. */
const CONFIDENCE = 0.95;

/** How the token-weighted loss of one model differs from another's on the same rows. */
export interface LossInterval {
  /** Loss of the second minus loss of the first, in nats per token; below 0 the second is better. */
  readonly difference: number;
  /** Ends of the interval of the difference. */
  readonly low: number;
  readonly high: number;
  readonly confidence: number;
  readonly resamples: number;
  readonly seed: string;
}

/**
 * A paired bootstrap interval over rows (percentile method): each resample draws n rows with replacement and takes
 * Σ difference / Σ tokens of them. The same losses and seed give the same bits on every machine.
 * @throws RangeError when the two were not measured on the same rows and tokens.
 */
export function lossInterval(first: RowLosses, second: RowLosses, seed: string): LossInterval {
  requireSameRows(first, second);
  const rows = first.row.length;
  const differences = Float64Array.from({ length: rows }, (_, i) => second.sumNll[i]! - first.sumNll[i]!);
  const tokens = Float64Array.from(first.tokens);
  const next = seededUint32(seed);
  const means = new Float64Array(RESAMPLES);
  for (let resample = 0; resample < RESAMPLES; resample += 1) {
    let moved = 0;
    let counted = 0;
    for (let i = 0; i < rows; i += 1) {
      const drawn = Math.floor((next() * rows) / 2 ** 32);
      moved += differences[drawn]!;
      counted += tokens[drawn]!;
    }
    means[resample] = moved / counted;
  }
  means.sort();
  const cut = Math.floor((RESAMPLES * (1 - CONFIDENCE)) / 2);
  return {
    difference: sum(differences) / sum(tokens),
    low: means[cut]!,
    high: means[RESAMPLES - 1 - cut]!,
    confidence: CONFIDENCE,
    resamples: RESAMPLES,
    seed,
  };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
