import type { Logger } from '@tuning/kit';
import type { Runner } from './job.ts';

export interface ProcessRunnerOptions {
  /** Registry folder: one folder per job with its spec, log and result. Made with mode 0700 where absent. */
  root: string;
  logger?: Logger;
}

/** The embedded backend: each job is a process group under its own small supervisor process. */
export function createProcessRunner(_options: ProcessRunnerOptions): Promise<Runner> {
  throw new Error('not there yet');
}
