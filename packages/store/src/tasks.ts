import { BadInputError } from '@tuning/kit';
import { type TaskState, taskStateSchema } from '@tuning/protocol';
import { z } from 'zod';
import type { SqlDatabase } from './database.ts';
import { jsonColumn, parseRow, toJson } from './json-column.ts';
import { listClause } from './listing.ts';
import type { TaskRecord, TaskRepository } from './validator-records.ts';

const taskRow = z
  .object({
    id: z.string(),
    state: taskStateSchema,
    request: jsonColumn(z.json()),
    data: jsonColumn(z.record(z.string(), z.json())),
    failure_code: z.string().nullable(),
    failure_message: z.string().nullable(),
    created_at: z.number().int(),
    updated_at: z.number().int(),
  })
  .transform(
    ({ failure_code, failure_message, created_at, updated_at, ...row }): TaskRecord => ({
      ...row,
      failure: failure_code === null ? null : { code: failure_code, message: failure_message ?? '' },
      createdAt: created_at,
      updatedAt: updated_at,
    }),
  );

const parse = (row: unknown): TaskRecord => parseRow('tasks', taskRow, row);

/** The tournaments over the table `tasks`. `now` gives unix ms. */
export function taskRepository(db: SqlDatabase, now: () => number): TaskRepository {
  const get = (id: string) => {
    const row = db.get('SELECT * FROM tasks WHERE id = :id', { id });
    return row && parse(row);
  };
  const require = (id: string) => {
    const task = get(id);
    if (!task) throw new BadInputError('STORE_NOT_FOUND', `there is no task ${id}`);
    return task;
  };
  const write = (task: TaskRecord, state: TaskState, patch: object) =>
    db.run('UPDATE tasks SET state = :state, data = :data, updated_at = :updated WHERE id = :id', {
      id: task.id,
      state,
      // Members that are undefined fall out of the JSON, which is how a patch removes one.
      data: toJson(`the data of task ${task.id}`, { ...task.data, ...patch }),
      updated: now(),
    });

  return {
    get,

    insert: ({ id, request, data = {} }) => {
      const created = now();
      return (
        db.run(
          `INSERT INTO tasks (id, state, request, data, created_at, updated_at)
           VALUES (:id, 'preparing', :request, :data, :created, :created) ON CONFLICT (id) DO NOTHING`,
          {
            id,
            request: toJson(`the request of task ${id}`, request),
            data: toJson(`the data of task ${id}`, data),
            created,
          },
        ) === 1
      );
    },

    list: (options = {}) => {
      const { sql, parameters } = listClause(options);
      return db.all(`SELECT * FROM tasks ${sql}`, parameters).map(parse);
    },

    advance: (id, from, to, patch = {}) =>
      db.transaction(() => {
        const task = require(id);
        if (task.state !== from) {
          throw new BadInputError('STORE_CONFLICT', `task ${id} is ${task.state}, not ${from}: it cannot become ${to}`);
        }
        write(task, to, patch);
      }),

    patch: (id, patch) =>
      db.transaction(() => {
        const task = require(id);
        write(task, task.state, patch);
      }),

    fail: (id, code, message) =>
      db.transaction(() => {
        require(id);
        db.run(
          `UPDATE tasks SET state = 'failed', failure_code = :code, failure_message = :message, updated_at = :updated
           WHERE id = :id AND state NOT IN ('done', 'failed')`,
          { id, code, message, updated: now() },
        );
      }),
  };
}
