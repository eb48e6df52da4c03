let shown = false;

/** One line on stderr that is drawn over again, on a terminal only; undefined clears it. */
export function showProgress(text: string | undefined): void {
  if (!process.stderr.isTTY || (text === undefined && !shown)) return;
  process.stderr.write(`\r\u001b[2K${(text ?? '').slice(0, (process.stderr.columns || 80) - 1)}`);
  shown = text !== undefined;
}
