import type { Migration } from './migrate.ts';

/** `TUNv` in ASCII, the file's application_id. */
export const VALIDATOR_APPLICATION_ID = 0x54554e76;

export const validatorMigrations: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE tasks (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL
          CHECK (state IN ('preparing', 'offering', 'training', 'evaluating', 'weighing', 'done', 'failed')),
        request TEXT NOT NULL,
        data TEXT NOT NULL,
        failure_code TEXT,
        failure_message TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX tasks_by_state ON tasks (state, created_at);

      CREATE TABLE steps (
        task_id TEXT NOT NULL REFERENCES tasks (id),
        step TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (task_id, step)
      ) STRICT;

      CREATE TABLE members (
        task_id TEXT NOT NULL REFERENCES tasks (id),
        hotkey TEXT NOT NULL,
        uid INTEGER NOT NULL,
        draw_index INTEGER NOT NULL,
        answer TEXT NOT NULL CHECK (answer IN ('pending', 'accepted', 'declined', 'unreachable')),
        reason TEXT,
        answered_block INTEGER,
        status TEXT,
        PRIMARY KEY (task_id, hotkey)
      ) STRICT;

      CREATE TABLE commitment_cursors (
        netuid INTEGER PRIMARY KEY,
        block INTEGER NOT NULL
      ) STRICT;

      -- The chain keeps one slot per hotkey; here is the history of it, block by block.
      CREATE TABLE commitments (
        netuid INTEGER NOT NULL,
        block INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        hotkey TEXT NOT NULL,
        block_hash TEXT NOT NULL,
        fields TEXT NOT NULL,
        PRIMARY KEY (netuid, block, seq)
      ) STRICT;
      CREATE INDEX commitments_by_hotkey ON commitments (netuid, hotkey, block);

      -- Fields that name a task, so that a task's submissions are found without reading every commitment.
      CREATE TABLE task_commitments (
        task_id TEXT NOT NULL,
        netuid INTEGER NOT NULL,
        block INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        field INTEGER NOT NULL,
        PRIMARY KEY (task_id, netuid, block, seq, field),
        FOREIGN KEY (netuid, block, seq) REFERENCES commitments (netuid, block, seq)
      ) STRICT;

      CREATE TABLE scores (
        task_id TEXT NOT NULL REFERENCES tasks (id),
        hotkey TEXT NOT NULL,
        score REAL NOT NULL,
        work REAL NOT NULL,
        block INTEGER NOT NULL,
        PRIMARY KEY (task_id, hotkey)
      ) STRICT;
      CREATE INDEX scores_by_block ON scores (block);

      CREATE TABLE weight_sets (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        netuid INTEGER NOT NULL,
        decided_block INTEGER NOT NULL,
        weights TEXT NOT NULL,
        task_ids TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('intended', 'included', 'failed')),
        block INTEGER,
        uids TEXT,
        vals TEXT,
        error TEXT,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX weight_sets_by_state ON weight_sets (netuid, state);

      CREATE TABLE weight_set_tasks (
        task_id TEXT NOT NULL,
        weight_set INTEGER NOT NULL REFERENCES weight_sets (id),
        PRIMARY KEY (task_id, weight_set)
      ) STRICT;

      CREATE TABLE receipts (
        task_id TEXT PRIMARY KEY REFERENCES tasks (id),
        receipt TEXT NOT NULL
      ) STRICT;
    `,
  },
  {
    version: 2,
    sql: `
      -- What miners report while they train. A hint: nothing is judged by it.
      CREATE TABLE reported_curves (
        task_id TEXT NOT NULL REFERENCES tasks (id),
        hotkey TEXT NOT NULL,
        points TEXT NOT NULL,
        PRIMARY KEY (task_id, hotkey)
      ) STRICT;
    `,
  },
];
