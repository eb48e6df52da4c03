import type { SchemaElement } from 'hyparquet';
import type { ColumnType } from './column-type.ts';

/**
 * Elements of a parquet schema for one column, parents before children. Everything may be null. Lists have the three levels
 * that the format's LogicalTypes.md asks for. A column without any value is one of text.
 */
export function schemaOf(name: string, type: ColumnType): SchemaElement[] {
  if (type.kind === 'list') {
    return [
      { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', logical_type: { type: 'LIST' }, num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...schemaOf('element', type.item),
    ];
  }
  if (type.kind === 'struct') {
    return [
      { name, repetition_type: 'OPTIONAL', num_children: type.members.size },
      ...[...type.members].flatMap(([member, inner]) => schemaOf(member, inner)),
    ];
  }
  return [{ name, repetition_type: 'OPTIONAL', ...SCALARS[type.kind] }];
}

const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const;
const SCALARS = {
  null: TEXT,
  string: TEXT,
  boolean: { type: 'BOOLEAN' },
  int64: { type: 'INT64' },
  double: { type: 'DOUBLE' },
} as const;

/** Columns of the file that hold this one's values. */
export function leavesOf(type: ColumnType): number {
  if (type.kind === 'list') return leavesOf(type.item);
  if (type.kind !== 'struct') return 1;
  return [...type.members.values()].reduce((sum, member) => sum + leavesOf(member), 0);
}

/** The value as hyparquet-writer takes it: 64-bit integers as bigint. */
export function packed(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (type.kind === 'int64') return BigInt(value as number);
  if (type.kind === 'list') return (value as unknown[]).map((item) => packed(type.item, item));
  if (type.kind !== 'struct') return value;
  const members = value as Record<string, unknown>;
  return Object.fromEntries([...type.members].map(([name, member]) => [name, packed(member, members[name])]));
}

/** A feature as `dataset_info` in a dataset card's YAML writes it: `dtype`, `list` or `struct`, see `Features._to_yaml_list`. */
export type Feature =
  | { name?: string; dtype: string }
  | { name?: string; list: string | Feature[] | Feature }
  | { name?: string; struct: Feature[] };

const DTYPES = { null: 'string', string: 'string', boolean: 'bool', int64: 'int64', double: 'float64' } as const;

/** The column as `load_dataset` will see it. */
export function featureOf(name: string, type: ColumnType): Feature {
  return { name, ...bareFeature(type) };
}

function bareFeature(type: ColumnType): Feature {
  const members = (of: ReadonlyMap<string, ColumnType>) => [...of].map(([name, member]) => featureOf(name, member));
  if (type.kind === 'struct') return { struct: members(type.members) };
  if (type.kind !== 'list') return { dtype: DTYPES[type.kind] };
  const { item } = type;
  if (item.kind === 'struct') return { list: members(item.members) };
  if (item.kind === 'list') return { list: bareFeature(item) };
  return { list: DTYPES[item.kind] };
}
