import type { ReadLimits, ReadProgress } from '@tuning/dataset';
import type { Logger } from '@tuning/kit';
import type { ValidatorServices } from './services.ts';

/** What the operator takes for a dataset. */
export function datasetLimits({ dataset }: ValidatorServices['config']): Partial<ReadLimits> {
  return { maxBytes: Math.floor(dataset.max_mb * 1024 ** 2), maxRows: dataset.max_rows };
}

/** Shorter readings say nothing. */
const LINE_MS = 10_000;

/** Says in the log how far the reading of a dataset is. */
export function progressLog(logger: Logger, taskId: string): (progress: ReadProgress) => void {
  let told = performance.now();
  return (progress) => {
    if (performance.now() - told < LINE_MS) return;
    told = performance.now();
    logger.info({ taskId, ...progress }, 'reading the dataset');
  };
}
