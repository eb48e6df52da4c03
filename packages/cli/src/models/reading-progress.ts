import type { ReadProgress } from '@tuning/dataset';
import { showProgress } from './progress-line.ts';

const MIB = 1024 ** 2;
/** Where nobody watches, a line this often is enough. */
const LINE_MS = 10_000;

/** Shows how far the reading of a dataset is: a line that is drawn over again on a terminal, else one on stderr now and then. */
export function readingProgress(): (progress: ReadProgress) => void {
  let told = performance.now();
  return ({ rows, bytes, totalBytes }) => {
    const text = `reading: ${rows} rows, ${(bytes / MIB).toFixed(1)} of ${(totalBytes / MIB).toFixed(1)} MiB`;
    if (process.stderr.isTTY) showProgress(text);
    else if (performance.now() - told >= LINE_MS) {
      told = performance.now();
      process.stderr.write(`${text}\n`);
    }
  };
}
