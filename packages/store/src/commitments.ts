import { z } from 'zod';
import type { SqlDatabase } from './database.ts';
import { jsonColumn, parseRow, toJson } from './json-column.ts';
import type { CommitmentRecord, CommitmentRepository } from './validator-records.ts';

/**
 * Bounds on what is kept of a stranger's commitment. They are above anything of ours (128 bytes in at most 3 fields);
 * what is longer is cut rather than refused, for a refusal would let anyone stop the reading of blocks.
 */
const MAX_KEPT_FIELDS = 16;
const MAX_KEPT_CHARACTERS = 1024;

const commitmentRow = z
  .object({
    hotkey: z.string(),
    block: z.number().int(),
    block_hash: z.string(),
    fields: jsonColumn(z.array(z.string())),
  })
  .transform(({ block_hash, ...row }) => ({ ...row, blockHash: block_hash }));

const taskFieldRow = z
  .object({ hotkey: z.string(), block: z.number().int(), block_hash: z.string(), text: z.string() })
  .transform(({ block_hash, ...row }): CommitmentRecord => ({ ...row, blockHash: block_hash }));

const taskOfField = (text: string) => /^t1:([0-9a-f]{16}):/.exec(text)?.[1];

/** History of the commitment slots over `commitments`, `task_commitments` and `commitment_cursors`. */
export function commitmentRepository(db: SqlDatabase): CommitmentRepository {
  const cursor = (netuid: number) => {
    const row = db.get('SELECT block FROM commitment_cursors WHERE netuid = :netuid', { netuid });
    return row && Number(row['block']);
  };

  return {
    cursor,

    recordBlock: (netuid, block, items) =>
      db.transaction(() => {
        const recorded = cursor(netuid);
        if (recorded !== undefined && block.number <= recorded) return;
        items.forEach(({ hotkey, fields: given }, seq) => {
          const fields = given.slice(0, MAX_KEPT_FIELDS).map((text) => text.slice(0, MAX_KEPT_CHARACTERS));
          db.run(
            `INSERT INTO commitments (netuid, block, seq, hotkey, block_hash, fields)
             VALUES (:netuid, :block, :seq, :hotkey, :hash, :fields)`,
            {
              netuid,
              block: block.number,
              seq,
              hotkey,
              hash: block.hash,
              fields: toJson(`the commitment of ${hotkey}`, fields),
            },
          );
          fields.forEach((text, field) => {
            const task = taskOfField(text);
            if (task === undefined) return;
            db.run(
              `INSERT INTO task_commitments (task_id, netuid, block, seq, field)
               VALUES (:task, :netuid, :block, :seq, :field)`,
              { task, netuid, block: block.number, seq, field },
            );
          });
        });
        db.run(
          `INSERT INTO commitment_cursors (netuid, block) VALUES (:netuid, :block)
           ON CONFLICT (netuid) DO UPDATE SET block = excluded.block`,
          { netuid, block: block.number },
        );
      }),

    forTask: (taskId) =>
      db
        .all(
          `SELECT c.hotkey, c.block, c.block_hash, json_extract(c.fields, '$[' || t.field || ']') AS text
           FROM task_commitments AS t
           JOIN commitments AS c ON c.netuid = t.netuid AND c.block = t.block AND c.seq = t.seq
           WHERE t.task_id = :task
           ORDER BY t.block, t.seq, t.field`,
          { task: taskId },
        )
        .map((row) => parseRow('task_commitments', taskFieldRow, row)),

    latest: (netuid, hotkey) => {
      const row = db.get(
        `SELECT hotkey, block, block_hash, fields FROM commitments
         WHERE netuid = :netuid AND hotkey = :hotkey ORDER BY block DESC, seq DESC LIMIT 1`,
        { netuid, hotkey },
      );
      return row && parseRow('commitments', commitmentRow, row);
    },
  };
}
