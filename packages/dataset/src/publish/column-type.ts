import type { Row } from '../row.ts';

/**
 * What a parquet column can hold without loss: each value of a column has one type or is null. `int64` are integers that a
 * number holds exactly, `double` all other numbers. A struct has the same members in every value.
 */
export type ColumnType =
  | { kind: 'null' | 'string' | 'boolean' | 'int64' | 'double' }
  | { kind: 'list'; item: ColumnType }
  | { kind: 'struct'; members: ReadonlyMap<string, ColumnType> };

/** Deeper values are better read as JSON; each level also costs a level of definition and repetition. */
const MAX_DEPTH = 8;

/** Rows that no parquet table can hold so that reading gives the same rows back. The message names the column. */
export class NotTabular extends Error {
  override readonly name = 'NotTabular';
}

/**
 * The type of each column after one more row. Rows must have all columns, as `readDataset` gives them.
 * @throws NotTabular.
 */
export function withRow(columns: Map<string, ColumnType>, row: Row): void {
  for (const [name, value] of Object.entries(row)) {
    // Both sides build rows by assignment, which loses this one.
    if (name === '__proto__' || name === '') throw new NotTabular(`a column is called "${name}"`);
    columns.set(name, typeWith(columns.get(name) ?? NULL, value, name, 0));
  }
}

const NULL: ColumnType = { kind: 'null' };

function typeWith(known: ColumnType, value: unknown, at: string, depth: number): ColumnType {
  if (value === null) return known;
  if (depth > MAX_DEPTH) throw new NotTabular(`${at} nests over ${MAX_DEPTH} levels`);
  if (Array.isArray(value)) return listWith(known, value, at, depth);
  if (typeof value === 'object') return structWith(known, value as Row, at, depth);
  const kind = scalarKind(value, at);
  if (known.kind === kind || known.kind === 'null') return known.kind === kind ? known : { kind };
  const numbers = [known.kind, kind].every((one) => one === 'int64' || one === 'double');
  if (!numbers) throw mixed(at, known.kind, kind);
  return { kind: 'double' };
}

function scalarKind(value: unknown, at: string): 'string' | 'boolean' | 'int64' | 'double' {
  if (typeof value === 'string') {
    if (/\p{Surrogate}/u.test(value)) throw new NotTabular(`${at} holds text that is not valid Unicode`);
    return 'string';
  }
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'int64' : 'double';
  throw new NotTabular(`${at} holds a ${typeof value}`);
}

function listWith(known: ColumnType, values: unknown[], at: string, depth: number): ColumnType {
  if (known.kind !== 'list' && known.kind !== 'null') throw mixed(at, known.kind, 'list');
  const before = known.kind === 'list' ? known.item : NULL;
  let item = before;
  for (const value of values) item = typeWith(item, value, at, depth + 1);
  return known.kind === 'list' && item === before ? known : { kind: 'list', item };
}

function structWith(known: ColumnType, value: Row, at: string, depth: number): ColumnType {
  if (known.kind !== 'struct' && known.kind !== 'null') throw mixed(at, known.kind, 'struct');
  const names = Object.keys(value);
  if (names.length === 0) throw new NotTabular(`${at} holds an object without members`);
  const before = known.kind === 'struct' ? known.members : undefined;
  if (before && (names.length !== before.size || names.some((name) => !before.has(name)))) {
    throw new NotTabular(`${at} holds objects with different members`);
  }
  let members: Map<string, ColumnType> | undefined;
  for (const name of names) {
    if (name === '__proto__' || name === '') throw new NotTabular(`${at} has a member called "${name}"`);
    const type = before?.get(name) ?? NULL;
    const now = typeWith(type, value[name], `${at}.${name}`, depth + 1);
    if (now === type && before) continue;
    members ??= new Map(before);
    members.set(name, now);
  }
  return members ? { kind: 'struct', members } : known;
}

function mixed(at: string, one: string, other: string): NotTabular {
  return new NotTabular(`${at} holds both ${one} and ${other}`);
}
