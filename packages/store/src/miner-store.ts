import type { AssignmentRepository } from './assignment-record.ts';
import { assignmentRepository } from './assignments.ts';
import { openDatabase } from './database.ts';
import type { JobRepository } from './job-record.ts';
import { jobRepository } from './jobs.ts';
import { MINER_APPLICATION_ID, minerMigrations } from './miner-schema.ts';

export interface MinerStore {
  readonly jobs: JobRepository;
  readonly assignments: AssignmentRepository;
  /** Runs `work` in one transaction: all of its writes or none. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/**
 * Opens (or makes, mode 0600) the miner's database and brings its schema up to date. `now` gives unix ms.
 * @throws OperatorError `STORE_NOT_A_DATABASE`, `STORE_CORRUPT`, `STORE_TOO_NEW`, `STORE_WRONG_KIND`, `STORE_UNUSABLE`.
 */
export async function openMinerStore(path: string, options: { now?: () => number } = {}): Promise<MinerStore> {
  const { now = Date.now } = options;
  const db = await openDatabase(path, {
    applicationId: MINER_APPLICATION_ID,
    kind: 'miner',
    migrations: minerMigrations,
  });
  return {
    jobs: jobRepository(db, now),
    assignments: assignmentRepository(db, now),
    transaction: (work) => db.transaction(work),
    close: () => db.close(),
  };
}
