import { z } from 'zod';

const figure = z.number();
/** Quantiles (nearest rank) of one figure over rows. */
export const spreadSchema = z.strictObject({ mean: figure, p10: figure, p50: figure, p90: figure, max: figure });
export type Spread = z.infer<typeof spreadSchema>;

/** All zero for no values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0);
  const mean = sorted.reduce((sum, value) => sum + value, 0) / Math.max(1, sorted.length);
  return { mean: round(mean), p10: at(0.1), p50: at(0.5), p90: at(0.9), max: at(1) };
}

/** Kolmogorov–Smirnov distance of two samples: the largest gap between their cumulative shares, 0 … 1; 1 if one is empty. */
export function ksDistance(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return 1;
  const [x, y] = [a, b].map((values) => [...values].sort((one, other) => one - other)) as [number[], number[]];
  let [i, j, gap] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    const value = Math.min(x[i]!, y[j]!);
    while (x[i] === value) i++;
    while (y[j] === value) j++;
    gap = Math.max(gap, Math.abs(i / x.length - j / y.length));
  }
  return round(gap);
}

/** Four decimals: figures are for people. */
export const round = (value: number): number => Math.round(value * 1e4) / 1e4;
