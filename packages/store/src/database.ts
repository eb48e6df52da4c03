import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BadInputError, errorCode, errorMessage, OperatorError, TransientError, TuningError } from '@tuning/kit';
import Libsql from 'libsql';
import { type BindValue, bindable, parameterNames } from './binding.ts';
import { type Migration, migrate } from './migrate.ts';

/** How long a statement waits for another process's write lock. libsql's own default is not to wait at all. */
const BUSY_TIMEOUT_MS = 5_000;

/** A row as SQLite gave it, not yet parsed. */
export type RawRow = Record<string, unknown>;
export type Parameters = Readonly<Record<string, BindValue>>;

interface Prepared {
  readonly statement: Libsql.Statement;
  readonly names: readonly string[];
}

/**
 * One SQLite file behind libsql, which is not used anywhere else: it aborts the process or silently binds NULL on
 * values that this class refuses with an exception. Synchronous; every statement here touches a few small rows.
 */
export class SqlDatabase {
  readonly path: string;
  readonly #db: Libsql.Database;
  readonly #prepared = new Map<string, Prepared>();
  #inTransaction = false;
  #closed = false;

  constructor(path: string, db: Libsql.Database) {
    this.path = path;
    this.#db = db;
  }

  /** Number of rows changed. */
  run(sql: string, parameters: Parameters = {}): number {
    return this.#execute(sql, parameters, (statement, bound) => statement.run(bound).changes);
  }

  all(sql: string, parameters: Parameters = {}): RawRow[] {
    return this.#execute(sql, parameters, (statement, bound) => statement.all(bound) as RawRow[]);
  }

  /** The first row. Through `all`, because libsql's `get` adds a member of its own to the row. */
  get(sql: string, parameters: Parameters = {}): RawRow | undefined {
    return this.all(sql, parameters)[0];
  }

  /** SQL without parameters, for schema and pragmas. */
  exec(sql: string): void {
    this.#requireOpen();
    this.#db.exec(sql);
  }

  /** All writes of `work` or none. Called inside another transaction it joins that one. */
  transaction<T>(work: () => T): T {
    if (this.#inTransaction) return work();
    this.exec('BEGIN IMMEDIATE');
    this.#inTransaction = true;
    try {
      const value = work();
      if (value instanceof Promise) throw new TypeError('a transaction must not be asynchronous');
      this.#db.exec('COMMIT');
      return value;
    } catch (error) {
      this.#rollback();
      throw error;
    } finally {
      this.#inTransaction = false;
    }
  }

  /** Moves the write-ahead log into the file and closes it. Later calls throw. */
  close(): void {
    if (this.#closed) return;
    this.#prepared.clear();
    try {
      // libsql's close leaves the log behind; a copy of the one file should be the whole database.
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      this.#closed = true;
      this.#db.close();
    }
  }

  #rollback(): void {
    try {
      this.#db.exec('ROLLBACK');
    } catch {
      // SQLite has already rolled back by itself (full disk, I/O error); the first error is the one to report.
    }
  }

  #requireOpen(): void {
    // libsql runs statements after close(), so it has to be refused here.
    if (this.#closed) throw new TuningError('STORE_CLOSED', `the database ${this.path} is closed`);
  }

  #execute<T>(sql: string, parameters: Parameters, work: (statement: Libsql.Statement, bound: object) => T): T {
    this.#requireOpen();
    let prepared = this.#prepared.get(sql);
    if (!prepared) {
      prepared = { statement: this.#db.prepare(sql), names: parameterNames(sql) };
      this.#prepared.set(sql, prepared);
    }
    const bound = bindable(prepared.names, parameters);
    try {
      return work(prepared.statement, bound);
    } catch (error) {
      throw statementError(this.path, error);
    }
  }
}

/** The errors of a statement that have another cause than a mistake in this package. */
function statementError(path: string, error: unknown): unknown {
  const details = { cause: error };
  switch (errorCode(error)) {
    case 'SQLITE_CONSTRAINT_FOREIGNKEY':
      return new BadInputError('STORE_NOT_FOUND', 'the row belongs to a task that is not in the store', details);
    case 'SQLITE_BUSY':
      return new TransientError('STORE_BUSY', `another process holds the database ${path}`, details);
    case 'SQLITE_FULL':
      return new OperatorError('STORE_DISK_FULL', `the disk of the database ${path} is full: free some space`, details);
    default:
      return error;
  }
}

const cannotOpen = (code: string, path: string, what: string, cause: unknown) =>
  new OperatorError(code, `cannot use the database ${path}: ${what}`, { cause });

function explain(path: string, error: unknown): unknown {
  if (error instanceof Error && error.name === 'OperatorError') return error;
  switch (errorCode(error)) {
    case 'SQLITE_NOTADB':
      return cannotOpen('STORE_NOT_A_DATABASE', path, 'it is not a database; name another file or move it away', error);
    case 'SQLITE_CORRUPT':
      return cannotOpen('STORE_CORRUPT', path, 'it is damaged; restore a copy or move it away to start anew', error);
    default:
      return cannotOpen('STORE_UNUSABLE', path, `${errorMessage(error)}; check the path and its permissions`, error);
  }
}

/**
 * Opens or makes a database file with mode 0600, sets the pragmas and brings the schema up to date.
 * @throws OperatorError `STORE_NOT_A_DATABASE`, `STORE_CORRUPT`, `STORE_TOO_NEW`, `STORE_WRONG_KIND`, `STORE_UNUSABLE`.
 */
export async function openDatabase(
  path: string,
  schema: { applicationId: number; kind: string; migrations: readonly Migration[] },
): Promise<SqlDatabase> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // SQLite gives its log files the mode of the database file, so that file is made first, by us.
    await (await open(path, 'a', 0o600)).close();
    await chmod(path, 0o600);
  } catch (error) {
    throw explain(path, error);
  }
  let db: SqlDatabase | undefined;
  try {
    db = new SqlDatabase(path, new Libsql(path, { timeout: BUSY_TIMEOUT_MS }));
    db.exec('PRAGMA journal_mode = WAL');
    // FULL: an acknowledged step (a weight set that was intended, a commitment that was sent) must also outlive a power
    // cut, or the restarted daemon does it again. An fsync per commit is affordable at a few commits a second.
    db.exec('PRAGMA synchronous = FULL');
    db.exec('PRAGMA foreign_keys = ON');
    const check = db.get('PRAGMA quick_check(1)')?.['quick_check'];
    if (check !== 'ok') {
      throw cannotOpen('STORE_CORRUPT', path, `it is damaged (${check}); restore a copy or move it away`, undefined);
    }
    migrate(db, schema);
    return db;
  } catch (error) {
    try {
      db?.close();
    } catch {
      // A database that cannot be read cannot be checkpointed either; the first error says why.
    }
    throw explain(path, error);
  }
}
