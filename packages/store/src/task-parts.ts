import { curvePointSchema } from '@tuning/protocol';
import { z } from 'zod';
import type { SqlDatabase } from './database.ts';
import { jsonColumn, parseRow, toJson, toJsonOrNull } from './json-column.ts';
import {
  type CurveRepository,
  type MemberRecord,
  type MemberRepository,
  memberAnswers,
  type ReceiptRepository,
  type ScoreRecord,
  type ScoreRepository,
  type StepRepository,
} from './validator-records.ts';

const stepRow = z.object({ step: z.string(), value: jsonColumn(z.json()) });

/** Results of idempotent steps over the table `steps`. */
export function stepRepository(db: SqlDatabase): StepRepository {
  const get = (taskId: string, step: string) => {
    const row = db.get('SELECT step, value FROM steps WHERE task_id = :task AND step = :step', { task: taskId, step });
    return row && parseRow('steps', stepRow, row).value;
  };
  return {
    get,
    put: (taskId, step, value) =>
      db.transaction(() => {
        db.run(
          'INSERT INTO steps (task_id, step, value) VALUES (:task, :step, :value) ON CONFLICT (task_id, step) DO NOTHING',
          { task: taskId, step, value: toJson(`the result of step ${step} of task ${taskId}`, value) },
        );
        return get(taskId, step);
      }),
    all: (taskId) =>
      Object.fromEntries(
        db
          .all('SELECT step, value FROM steps WHERE task_id = :task ORDER BY step', { task: taskId })
          .map((row) => parseRow('steps', stepRow, row))
          .map(({ step, value }) => [step, value]),
      ),
  };
}

const memberRow = z
  .object({
    task_id: z.string(),
    hotkey: z.string(),
    uid: z.number().int(),
    draw_index: z.number().int(),
    answer: z.enum(memberAnswers),
    reason: z.string().nullable(),
    answered_block: z.number().int().nullable(),
    status: jsonColumn(z.json()).nullable(),
  })
  .transform(
    ({ task_id, draw_index, answered_block, ...row }): MemberRecord => ({
      ...row,
      taskId: task_id,
      drawIndex: draw_index,
      answeredBlock: answered_block,
    }),
  );

/** Drawn miners over the table `members`. */
export function memberRepository(db: SqlDatabase): MemberRepository {
  return {
    upsert: (member) => {
      db.run(
        `INSERT INTO members (task_id, hotkey, uid, draw_index, answer, reason, answered_block, status)
         VALUES (:task, :hotkey, :uid, :draw, :answer, :reason, :block, :status)
         ON CONFLICT (task_id, hotkey) DO UPDATE SET uid = excluded.uid, draw_index = excluded.draw_index,
           answer = excluded.answer, reason = excluded.reason, answered_block = excluded.answered_block,
           status = excluded.status`,
        {
          task: member.taskId,
          hotkey: member.hotkey,
          uid: member.uid,
          draw: member.drawIndex,
          answer: member.answer,
          reason: member.reason,
          block: member.answeredBlock,
          status: toJsonOrNull(`the status of ${member.hotkey}`, member.status),
        },
      );
    },
    list: (taskId) =>
      db
        .all('SELECT * FROM members WHERE task_id = :task ORDER BY draw_index, hotkey', { task: taskId })
        .map((row) => parseRow('members', memberRow, row)),
  };
}

const curveRow = z.object({ points: jsonColumn(z.array(curvePointSchema)) });

/** Reported loss curves over the table `reported_curves`. */
export function curveRepository(db: SqlDatabase): CurveRepository {
  return {
    put: (taskId, hotkey, points) => {
      db.run(
        `INSERT INTO reported_curves (task_id, hotkey, points) VALUES (:task, :hotkey, :points)
         ON CONFLICT (task_id, hotkey) DO UPDATE SET points = excluded.points`,
        { task: taskId, hotkey, points: toJson(`the loss curve of ${hotkey}`, points) },
      );
    },
    get: (taskId, hotkey) => {
      const row = db.get('SELECT points FROM reported_curves WHERE task_id = :task AND hotkey = :hotkey', {
        task: taskId,
        hotkey,
      });
      return row ? parseRow('reported_curves', curveRow, row).points : [];
    },
  };
}

const scoreRow = z
  .object({
    task_id: z.string(),
    hotkey: z.string(),
    score: z.number(),
    work: z.number(),
    block: z.number().int(),
  })
  .transform(({ task_id, ...row }): ScoreRecord => ({ ...row, taskId: task_id }));

/** Scores per task and hotkey over the table `scores`. */
export function scoreRepository(db: SqlDatabase): ScoreRepository {
  return {
    put: (taskId, block, rows) =>
      db.transaction(() => {
        db.run('DELETE FROM scores WHERE task_id = :task', { task: taskId });
        for (const { hotkey, score, work } of rows) {
          db.run(
            'INSERT INTO scores (task_id, hotkey, score, work, block) VALUES (:task, :hotkey, :score, :work, :block)',
            { task: taskId, hotkey, score, work, block },
          );
        }
      }),
    since: (block) =>
      db
        .all('SELECT * FROM scores WHERE block >= :block ORDER BY block, task_id, hotkey', { block })
        .map((row) => parseRow('scores', scoreRow, row)),
  };
}

const receiptRow = z.object({ receipt: jsonColumn(z.json()) });

/** Signed receipts over the table `receipts`. */
export function receiptRepository(db: SqlDatabase): ReceiptRepository {
  return {
    put: (taskId, receipt) => {
      db.run(
        `INSERT INTO receipts (task_id, receipt) VALUES (:task, :receipt)
         ON CONFLICT (task_id) DO UPDATE SET receipt = excluded.receipt`,
        { task: taskId, receipt: toJson(`the receipt of task ${taskId}`, receipt) },
      );
    },
    get: (taskId) => {
      const row = db.get('SELECT receipt FROM receipts WHERE task_id = :task', { task: taskId });
      return row && parseRow('receipts', receiptRow, row).receipt;
    },
  };
}
