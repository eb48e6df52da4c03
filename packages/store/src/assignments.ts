import { BadInputError } from '@tuning/kit';
import { taskOfferSchema } from '@tuning/protocol';
import { z } from 'zod';
import { type AssignmentRecord, type AssignmentRepository, assignmentStates } from './assignment-record.ts';
import type { SqlDatabase } from './database.ts';
import { jsonColumn, parseRow, toJson } from './json-column.ts';
import { listClause } from './listing.ts';

const assignmentRow = z
  .object({
    task_id: z.string(),
    validator: z.string(),
    offer: jsonColumn(taskOfferSchema),
    state: z.enum(assignmentStates),
    job_id: z.string(),
    repo: z.string().nullable(),
    revision: z.string().nullable(),
    digest: z.string().nullable(),
    commit_block: z.number().int().nullable(),
    message: z.string().nullable(),
    created_at: z.number().int(),
    updated_at: z.number().int(),
  })
  .transform(
    ({ task_id, job_id, commit_block, created_at, updated_at, ...row }): AssignmentRecord => ({
      ...row,
      taskId: task_id,
      jobId: job_id,
      commitBlock: commit_block,
      createdAt: created_at,
      updatedAt: updated_at,
    }),
  );

const parse = (row: unknown): AssignmentRecord => parseRow('assignments', assignmentRow, row);

/** The tournament tasks this miner accepted, over the table `assignments`. `now` gives unix ms. */
export function assignmentRepository(db: SqlDatabase, now: () => number): AssignmentRepository {
  const get = (taskId: string) => {
    const row = db.get('SELECT * FROM assignments WHERE task_id = :task', { task: taskId });
    return row && parse(row);
  };

  return {
    get,

    insert: (assignment) => {
      const created = assignment.createdAt ?? now();
      return (
        db.run(
          `INSERT INTO assignments (task_id, validator, offer, state, job_id, repo, revision, digest, commit_block,
             message, created_at, updated_at)
           VALUES (:task, :validator, :offer, :state, :job, :repo, :revision, :digest, :block,
             :message, :created, :updated)
           ON CONFLICT (task_id) DO NOTHING`,
          {
            task: assignment.taskId,
            validator: assignment.validator,
            offer: toJson(`the offer of task ${assignment.taskId}`, assignment.offer),
            state: assignment.state ?? 'queued',
            job: assignment.jobId,
            repo: assignment.repo ?? null,
            revision: assignment.revision ?? null,
            digest: assignment.digest ?? null,
            block: assignment.commitBlock ?? null,
            message: assignment.message ?? null,
            created,
            updated: assignment.updatedAt ?? created,
          },
        ) === 1
      );
    },

    list: (options = {}) => {
      const { sql, parameters } = listClause(options);
      return db.all(`SELECT * FROM assignments ${sql}`, parameters).map(parse);
    },

    update: (taskId, patch) =>
      db.transaction(() => {
        const old = get(taskId);
        if (!old) throw new BadInputError('STORE_NOT_FOUND', `the task ${taskId} is not among the assignments`);
        const next = { ...old, ...patch };
        db.run(
          `UPDATE assignments SET state = :state, offer = :offer, repo = :repo, revision = :revision, digest = :digest,
             commit_block = :block, message = :message, updated_at = :updated
           WHERE task_id = :task`,
          {
            task: taskId,
            state: next.state,
            offer: JSON.stringify(next.offer),
            repo: next.repo,
            revision: next.revision,
            digest: next.digest,
            block: next.commitBlock,
            message: next.message,
            updated: now(),
          },
        );
      }),
  };
}
