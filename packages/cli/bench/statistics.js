export const rounded = (value) => Math.round(value * 100) / 100;

export const median = (values) => percentile(values, 50);

/** The smallest value that at least `percent` of the values do not exceed. */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}
