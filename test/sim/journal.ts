import { assignmentRepository } from '../../packages/store/src/assignments.ts';
import { openDatabase, type SqlDatabase } from '../../packages/store/src/database.ts';
import { jobRepository } from '../../packages/store/src/jobs.ts';
import { MINER_APPLICATION_ID, minerMigrations } from '../../packages/store/src/miner-schema.ts';

export interface Transition {
  job: string;
  before: string;
  after: string;
}

/** The miner's database as an onlooker sees it. A trigger writes down every change of a job's state, whoever makes it. */
export async function openJournal(file: string) {
  const db: SqlDatabase = await openDatabase(file, {
    applicationId: MINER_APPLICATION_ID,
    kind: 'miner',
    migrations: minerMigrations,
  });
  db.exec(`
    CREATE TABLE IF NOT EXISTS sim_transitions (seq INTEGER PRIMARY KEY, job TEXT, before TEXT, after TEXT) STRICT;
    CREATE TRIGGER IF NOT EXISTS sim_state AFTER UPDATE OF state ON jobs
    BEGIN INSERT INTO sim_transitions (job, before, after) VALUES (old.id, old.state, new.state); END;`);
  return {
    jobs: jobRepository(db, Date.now),
    assignments: assignmentRepository(db, Date.now),
    transitions: (): Transition[] =>
      db.all('SELECT job, before, after FROM sim_transitions ORDER BY seq').map((row) => ({
        job: String(row['job']),
        before: String(row['before']),
        after: String(row['after']),
      })),
    close: () => db.close(),
  };
}
export type Journal = Awaited<ReturnType<typeof openJournal>>;
