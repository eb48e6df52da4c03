import type { AssignmentRepository } from './assignment-record.ts';
import type { JobRepository } from './job-record.ts';

export interface MinerStore {
  readonly jobs: JobRepository;
  readonly assignments: AssignmentRepository;
  /** Runs `work` in one transaction: all of its writes or none. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** Opens (or makes, mode 0600) the miner's database. */
export function openMinerStore(_path: string): Promise<MinerStore> {
  throw new Error('not there yet');
}
