import { OperatorError } from '@tuning/kit';
import type { SqlDatabase } from './database.ts';

/** One step of the schema, never changed once released: SQL run in one transaction with the version it leads to. */
export interface Migration {
  /** 1, 2, 3, … without a gap. */
  readonly version: number;
  readonly sql: string;
}

const pragma = (db: SqlDatabase, name: string) => Number(db.get(`PRAGMA ${name}`)?.[name] ?? 0);

/**
 * Brings a database up to the newest version. `user_version` holds the schema's version, `application_id` which
 * daemon's it is.
 * @throws OperatorError `STORE_TOO_NEW` for a database that a later release has migrated, `STORE_WRONG_KIND`.
 */
export function migrate(
  db: SqlDatabase,
  schema: { applicationId: number; kind: string; migrations: readonly Migration[] },
): void {
  const { applicationId, kind, migrations } = schema;
  const found = pragma(db, 'application_id');
  const version = pragma(db, 'user_version');
  const empty = db.get('SELECT count(*) AS n FROM sqlite_master')?.['n'] === 0;
  if (found !== applicationId && !(empty && found === 0)) {
    throw new OperatorError(
      'STORE_WRONG_KIND',
      `the database ${db.path} is not a ${kind}'s; name another file in the configuration`,
    );
  }
  const newest = migrations.at(-1)?.version ?? 0;
  if (version > newest) {
    throw new OperatorError(
      'STORE_TOO_NEW',
      `the database ${db.path} has schema version ${version}, this release knows ${newest}: install the newer release that wrote it, or restore an older copy`,
    );
  }
  for (const migration of migrations) {
    if (migration.version <= version) continue;
    db.transaction(() => {
      db.exec(migration.sql);
      // Pragmas take no parameters; both values are our own integers.
      db.exec(`PRAGMA user_version = ${migration.version}`);
      db.exec(`PRAGMA application_id = ${applicationId}`);
    });
  }
}
