import { jobStateSchema } from '@tuning/protocol';
import { z } from 'zod';
import type { SqlDatabase } from './database.ts';
import type { JobRecord, JobRepository } from './job-record.ts';
import { jsonColumn, parseRow, toJson, toJsonOrNull } from './json-column.ts';
import { listClause } from './listing.ts';

const time = z.number().int();

const jobRow = z
  .object({
    id: z.string(),
    kind: z.enum(['task', 'own']),
    state: jobStateSchema,
    payload: jsonColumn(z.json()),
    priority: z.number(),
    deadline_block: z.number().int().nullable(),
    attempts: z.number().int(),
    progress: jsonColumn(z.json()).nullable(),
    result: jsonColumn(z.json()).nullable(),
    error: z.string().nullable(),
    created_at: time,
    started_at: time.nullable(),
    ended_at: time.nullable(),
  })
  .transform(
    ({ deadline_block, created_at, started_at, ended_at, ...row }): JobRecord => ({
      ...row,
      deadlineBlock: deadline_block,
      createdAt: created_at,
      startedAt: started_at,
      endedAt: ended_at,
    }),
  );

const parse = (row: unknown): JobRecord => parseRow('jobs', jobRow, row);

/** The training queue over the table `jobs`. `now` gives unix ms. */
export function jobRepository(db: SqlDatabase, now: () => number): JobRepository {
  return {
    insert: (job) =>
      db.run(
        `INSERT INTO jobs (id, kind, state, payload, priority, deadline_block, attempts, progress, result, error,
           created_at, started_at, ended_at)
         VALUES (:id, :kind, :state, :payload, :priority, :deadline, :attempts, :progress, :result, :error,
           :created, :started, :ended)
         ON CONFLICT (id) DO NOTHING`,
        {
          id: job.id,
          kind: job.kind,
          state: job.state ?? 'Queued',
          payload: toJson(`the payload of job ${job.id}`, job.payload),
          priority: job.priority ?? 0,
          deadline: job.deadlineBlock ?? null,
          attempts: job.attempts ?? 0,
          progress: toJsonOrNull(`the progress of job ${job.id}`, job.progress),
          result: toJsonOrNull(`the result of job ${job.id}`, job.result),
          error: job.error ?? null,
          created: job.createdAt ?? now(),
          started: job.startedAt ?? null,
          ended: job.endedAt ?? null,
        },
      ) === 1,

    get: (id) => {
      const row = db.get('SELECT * FROM jobs WHERE id = :id', { id });
      return row && parse(row);
    },

    list: (options = {}) => {
      const { sql, parameters } = listClause(options);
      return db.all(`SELECT * FROM jobs ${sql}`, parameters).map(parse);
    },

    count: (state) => Number(db.get('SELECT count(*) AS n FROM jobs WHERE state = :state', { state })?.['n']),

    // One statement, so that two processes on one file cannot claim the same job.
    claim: (at, options = {}) => {
      const row = db.get(
        `UPDATE jobs SET state = 'Running', started_at = coalesce(started_at, :at)
         WHERE seq = (
           SELECT seq FROM jobs
           WHERE state = 'Queued' AND id NOT IN (SELECT value FROM json_each(:except))
           ORDER BY priority DESC, deadline_block IS NULL, deadline_block, created_at, seq
           LIMIT 1)
         RETURNING *`,
        { at, except: JSON.stringify(options.except ?? []) },
      );
      return row && parse(row);
    },

    setProgress: (id, progress) =>
      db.run(`UPDATE jobs SET progress = :progress WHERE id = :id AND state = 'Running'`, {
        id,
        progress: toJsonOrNull(`the progress of job ${id}`, progress),
      }) === 1,

    finish: (id, state, outcome = {}) =>
      db.run(
        `UPDATE jobs SET state = :state, result = :result, error = :error, ended_at = :ended
         WHERE id = :id AND (state = 'Running' OR (state = 'Queued' AND :state <> 'Completed'))`,
        {
          id,
          state,
          result: toJsonOrNull(`the result of job ${id}`, outcome.result),
          error: outcome.error ?? null,
          ended: now(),
        },
      ) === 1,

    requeue: (id, error, options = {}) =>
      db.run(
        `UPDATE jobs SET state = 'Queued', error = :error, attempts = attempts + :count
         WHERE id = :id AND state = 'Running'`,
        { id, error: error ?? null, count: options.countAttempt ?? true },
      ) === 1,
  };
}
