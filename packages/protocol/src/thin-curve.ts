/**
 * At most `limit` (2 or more) points of a curve in rising steps, evenly spaced by step, the first and the last among them.
 * Thinning a curve again and again, as it grows, keeps its beginning as dense as its end.
 */
export function thinCurve<T extends { readonly step: number }>(points: readonly T[], limit: number): T[] {
  const [first] = points;
  const last = points.at(-1);
  if (points.length <= limit || !first || !last) return [...points];
  const gap = (last.step - first.step) / (limit - 1);
  const kept: T[] = [];
  let next = first.step;
  for (const point of points) {
    if (point.step < next && point !== last) continue;
    kept.push(point);
    next = Math.max(next + gap, point.step);
  }
  // Of uneven steps one more may come in just before the last.
  if (kept.length > limit) kept.splice(-2, 1);
  return kept;
}
