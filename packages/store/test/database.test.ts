import { open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabase, type SqlDatabase } from '../src/database.ts';
import { openMinerStore, openValidatorStore } from '../src/index.ts';
import { temporaryFolder } from './temporary.ts';

const schema = (extra: string[] = []) => ({
  applicationId: 1234,
  kind: 'test',
  migrations: ['CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER, b BLOB) STRICT', ...extra].map((sql, i) => ({
    version: i + 1,
    sql,
  })),
});

const rows = (db: SqlDatabase) => db.all('SELECT id, n FROM t ORDER BY id');

describe('SqlDatabase', () => {
  it('converts what libsql cannot take and refuses what it would lose', async () => {
    const db = await openDatabase(join(await temporaryFolder(), 'a.db'), schema());
    const insert = 'INSERT INTO t (id, n, b) VALUES (:id, :n, :b)';
    db.run(insert, { id: 'bool', n: true, b: null });
    db.run(insert, { id: 'date', n: new Date(5), b: null });
    db.run(insert, { id: 'bytes', n: 1n, b: new Uint8Array([1, 2]) });
    expect(rows(db)).toEqual([
      { id: 'bool', n: 1 },
      { id: 'bytes', n: 1 },
      { id: 'date', n: 5 },
    ]);
    expect(() => db.run(insert, { id: 'x', n: Number.NaN, b: null })).toThrow(':n is NaN');
    expect(() => db.run(insert, { id: 'x', b: null })).toThrow(':n is missing');
    expect(() => db.run(insert, { id: 'x', n: 1, b: null, extra: 1 })).toThrow('no parameter :extra');
    expect(() => db.run(insert, { id: 'x', n: undefined as unknown as null, b: null })).toThrow(':n is missing');
    expect(() => db.run(insert, { id: 'x', n: 1.5, b: null })).toThrow('REAL');
    expect(db.get('SELECT id, n FROM t WHERE id = :id', { id: 'bool' })).toEqual({ id: 'bool', n: 1 });
    db.close();
    expect(() => rows(db)).toThrow('is closed');
  });

  it('rolls a failed transaction back, and an inner one joins the outer', async () => {
    const db = await openDatabase(join(await temporaryFolder(), 'a.db'), schema());
    const insert = (id: string) => db.run('INSERT INTO t (id) VALUES (:id)', { id });
    expect(() =>
      db.transaction(() => {
        insert('a');
        db.transaction(() => insert('b'));
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(rows(db)).toEqual([]);
    db.transaction(() => insert('c'));
    expect(rows(db)).toEqual([{ id: 'c', n: null }]);
    db.close();
  });

  it('migrates an older database once, all or nothing per step', async () => {
    const path = join(await temporaryFolder(), 'a.db');
    const first = await openDatabase(path, schema());
    first.run('INSERT INTO t (id, n) VALUES (:id, :n)', { id: 'old', n: 1 });
    first.close();
    await expect(openDatabase(path, schema(['UPDATE t SET n = 2; CREATE TABLE t (x)']))).rejects.toThrow('already');
    const second = await openDatabase(path, schema(['UPDATE t SET n = n + 10']));
    expect(rows(second)).toEqual([{ id: 'old', n: 11 }]);
    second.close();
    const third = await openDatabase(path, schema(['UPDATE t SET n = n + 10']));
    expect(rows(third)).toEqual([{ id: 'old', n: 11 }]);
    third.close();
    await expect(openDatabase(path, schema())).rejects.toMatchObject({ name: 'OperatorError', code: 'STORE_TOO_NEW' });
  });
});

describe('opening', () => {
  it('keeps the file and its logs private', async () => {
    const path = join(await temporaryFolder(), 'sub', 'miner.db');
    const store = await openMinerStore(path);
    store.jobs.insert({ id: 'a', kind: 'own', payload: {} });
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect((await stat(file)).mode & 0o777, file).toBe(0o600);
    store.close();
  });

  it('refuses what is not its database in one line', async () => {
    const folder = await temporaryFolder();
    const text = join(folder, 'text.db');
    await writeFile(text, 'not a database '.repeat(1000));
    await expect(openMinerStore(text)).rejects.toMatchObject({ name: 'OperatorError', code: 'STORE_NOT_A_DATABASE' });
    const other = join(folder, 'validator.db');
    (await openValidatorStore(other)).close();
    await expect(openMinerStore(other)).rejects.toMatchObject({ name: 'OperatorError', code: 'STORE_WRONG_KIND' });
    await expect(openMinerStore(folder)).rejects.toMatchObject({ name: 'OperatorError', code: 'STORE_UNUSABLE' });
  });

  it('refuses a damaged database', async () => {
    const path = join(await temporaryFolder(), 'miner.db');
    const store = await openMinerStore(path);
    for (let n = 0; n < 50; n++) store.jobs.insert({ id: `${n}`, kind: 'own', payload: 'x'.repeat(1000) });
    store.close();
    const { size } = await stat(path);
    expect(size).toBeGreaterThan(40_000);
    const file = await open(path, 'r+');
    await file.write(Buffer.alloc(size - 8192, 0xab), 0, size - 8192, 8192);
    await file.close();
    await expect(openMinerStore(path)).rejects.toMatchObject({ name: 'OperatorError', code: 'STORE_CORRUPT' });
  });
});
