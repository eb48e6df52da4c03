import type { Migration } from './migrate.ts';

/** `TUNm` in ASCII, the file's application_id. */
export const MINER_APPLICATION_ID = 0x54554e6d;

export const minerMigrations: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE jobs (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('task', 'own')),
        state TEXT NOT NULL CHECK (state IN ('Queued', 'Running', 'Completed', 'Failed', 'Cancelled')),
        payload TEXT NOT NULL,
        priority REAL NOT NULL,
        deadline_block INTEGER,
        attempts INTEGER NOT NULL CHECK (attempts >= 0),
        progress TEXT,
        result TEXT,
        error TEXT,
        created_at INTEGER NOT NULL,
        started_at INTEGER,
        ended_at INTEGER
      ) STRICT;
      CREATE INDEX jobs_by_state ON jobs (state, created_at);

      CREATE TABLE assignments (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        task_id TEXT NOT NULL UNIQUE,
        validator TEXT NOT NULL,
        offer TEXT NOT NULL,
        state TEXT NOT NULL
          CHECK (state IN ('queued', 'training', 'publishing', 'committing', 'committed', 'published', 'failed')),
        job_id TEXT NOT NULL,
        repo TEXT,
        revision TEXT,
        digest TEXT,
        commit_block INTEGER,
        message TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX assignments_by_state ON assignments (state, created_at);
    `,
  },
];
