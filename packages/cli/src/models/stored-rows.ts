import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expandPath } from '@tuning/config';
import { type StoredDataset, storeDataset } from '@tuning/dataset';
import { localDataFormat } from './local-data-format.ts';
import { showProgress } from './progress-line.ts';
import { readingProgress } from './reading-progress.ts';

/**
 * Reads local files, each into rows that lie in a temporary file, and gives them to `work`; clears them away afterwards.
 * @throws OperatorError FORMAT_UNKNOWN; what `storeDataset` throws.
 */
export async function withStoredRows<T>(
  files: readonly string[],
  signal: AbortSignal,
  work: (datasets: StoredDataset[]) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tuning-rows-'));
  const datasets: StoredDataset[] = [];
  try {
    for (const [number, file] of files.entries()) {
      const source = { path: expandPath(file), format: localDataFormat(file) };
      const options = { signal, onProgress: readingProgress() };
      datasets.push(await storeDataset([source], join(folder, `${number}.jsonl`), options));
    }
    showProgress(undefined);
    return await work(datasets);
  } finally {
    for (const { rows } of datasets) rows.close();
    await rm(folder, { recursive: true, force: true });
  }
}
