/** Order of two texts by UTF-16 code unit, the same on every machine (localeCompare is not). */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Lower loss, then earlier block (none = last), then hotkey: a total order, so sorting never depends on the input's. */
export function compareByLoss(
  a: { loss: number; block?: number; hotkey: string },
  b: { loss: number; block?: number; hotkey: string },
): number {
  return a.loss - b.loss || compareByBlock(a, b);
}

/** Earlier block (none = last), then hotkey. */
export function compareByBlock(a: { block?: number; hotkey: string }, b: { block?: number; hotkey: string }): number {
  const first = a.block ?? Number.MAX_SAFE_INTEGER;
  const second = b.block ?? Number.MAX_SAFE_INTEGER;
  return first - second || compareText(a.hotkey, b.hotkey);
}

/** @throws RangeError when a hotkey appears twice: the caller mixed up results. */
export function requireDistinct(entries: readonly { hotkey: string }[]): void {
  const seen = new Set<string>();
  for (const { hotkey } of entries) {
    if (seen.has(hotkey)) throw new RangeError(`${hotkey} is listed twice`);
    seen.add(hotkey);
  }
}
