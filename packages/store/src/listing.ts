import { BadInputError } from '@tuning/kit';
import type { ListOptions } from './job-record.ts';

const MAX_LIMIT = 1_000_000;

/** WHERE, ORDER and LIMIT of a list over a table with `state`, `created_at` and `seq`. */
export function listClause<State extends string>(options: ListOptions<State>) {
  const { states, limit = MAX_LIMIT, order = 'oldest' } = options;
  if (!Number.isInteger(limit) || limit < 0) {
    throw new BadInputError('STORE_VALUE_INVALID', `a list limit of ${limit} is not a whole number of rows`);
  }
  const direction = order === 'oldest' ? 'ASC' : 'DESC';
  const where = states ? 'WHERE state IN (SELECT value FROM json_each(:states))' : '';
  return {
    sql: `${where} ORDER BY created_at ${direction}, seq ${direction} LIMIT :limit`,
    parameters: { limit, ...(states ? { states: JSON.stringify(states) } : {}) },
  };
}
