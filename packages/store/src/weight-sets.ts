import { BadInputError } from '@tuning/kit';
import { z } from 'zod';
import type { SqlDatabase } from './database.ts';
import { jsonColumn, parseRow, toJson, toJsonOrNull } from './json-column.ts';
import type { WeightSetRecord, WeightSetRepository } from './validator-records.ts';

const numbers = jsonColumn(z.array(z.number())).nullable();

const weightSetRow = z
  .object({
    id: z.number().int(),
    netuid: z.number().int(),
    decided_block: z.number().int(),
    weights: jsonColumn(z.array(z.object({ hotkey: z.string(), weight: z.number() }))),
    task_ids: jsonColumn(z.array(z.string())),
    state: z.enum(['intended', 'included', 'failed']),
    block: z.number().int().nullable(),
    uids: numbers,
    vals: numbers,
    error: z.string().nullable(),
    created_at: z.number().int(),
    updated_at: z.number().int(),
  })
  .transform(
    ({ decided_block, task_ids, vals, created_at, updated_at, ...row }): WeightSetRecord => ({
      ...row,
      decidedBlock: decided_block,
      taskIds: task_ids,
      values: vals,
      createdAt: created_at,
      updatedAt: updated_at,
    }),
  );

const parse = (row: unknown): WeightSetRecord => parseRow('weight_sets', weightSetRow, row);

/** Weight decisions over `weight_sets` and `weight_set_tasks`. `now` gives unix ms. */
export function weightSetRepository(db: SqlDatabase, now: () => number): WeightSetRepository {
  return {
    intend: ({ netuid, decidedBlock, weights, taskIds }) =>
      db.transaction(() => {
        const created = now();
        const row = db.get(
          `INSERT INTO weight_sets (netuid, decided_block, weights, task_ids, state, created_at, updated_at)
           VALUES (:netuid, :decided, :weights, :tasks, 'intended', :created, :created) RETURNING id`,
          {
            netuid,
            decided: decidedBlock,
            weights: toJson('a weight set', weights),
            tasks: toJson('the tasks of a weight set', taskIds),
            created,
          },
        );
        const id = Number(row?.['id']);
        for (const task of new Set(taskIds)) {
          db.run('INSERT INTO weight_set_tasks (task_id, weight_set) VALUES (:task, :id)', { task, id });
        }
        return id;
      }),

    finish: (id, { state, block, uids, values, error }) =>
      db.transaction(() => {
        const old = db.get('SELECT state FROM weight_sets WHERE id = :id', { id });
        if (!old) throw new BadInputError('STORE_NOT_FOUND', `there is no weight set ${id}`);
        if (old['state'] !== 'intended') {
          throw new BadInputError('STORE_CONFLICT', `weight set ${id} is already ${old['state']}`);
        }
        db.run(
          `UPDATE weight_sets SET state = :state, block = :block, uids = :uids, vals = :vals, error = :error,
             updated_at = :updated
           WHERE id = :id`,
          {
            id,
            state,
            block: block ?? null,
            uids: toJsonOrNull('the uids of a weight set', uids),
            vals: toJsonOrNull('the values of a weight set', values),
            error: error ?? null,
            updated: now(),
          },
        );
      }),

    pending: (netuid) =>
      db
        .all(`SELECT * FROM weight_sets WHERE netuid = :netuid AND state = 'intended' ORDER BY id`, { netuid })
        .map(parse),

    latest: (netuid) => {
      const row = db.get(
        `SELECT * FROM weight_sets WHERE netuid = :netuid AND state = 'included' ORDER BY id DESC LIMIT 1`,
        { netuid },
      );
      return row && parse(row);
    },

    forTask: (taskId) =>
      db
        .all(
          `SELECT * FROM weight_sets WHERE id IN (SELECT weight_set FROM weight_set_tasks WHERE task_id = :task)
           ORDER BY id`,
          { task: taskId },
        )
        .map(parse),
  };
}
