import type { ApiPromise } from '@polkadot/api';

/** The types of a runtime's metadata. */
export type TypeLookup = ApiPromise['registry']['lookup'];
type TypeId = Parameters<TypeLookup['getSiType']>[0];

/** Nesting beyond this is no layout that a hand-written decoder knows. */
const MAX_DEPTH = 8;

/**
 * What a type of the metadata looks like in bytes, newtypes unwrapped: `u16`, `[u8;32]`, `Vec<bool>`,
 * `Compact<u64>`, `{block:u64,version:u32}`. Anything else is `?`. Decoders by hand are used only where this says what they expect.
 */
export function layoutOf(lookup: TypeLookup, id: TypeId, depth = 0): string {
  const { def } = lookup.getSiType(id);
  const inner = (other: TypeId) => layoutOf(lookup, other, depth + 1);
  if (depth > MAX_DEPTH) return '?';
  if (def.isPrimitive) return def.asPrimitive.type.toLowerCase();
  if (def.isArray) return `[${inner(def.asArray.type)};${def.asArray.len.toNumber()}]`;
  if (def.isSequence) return `Vec<${inner(def.asSequence.type)}>`;
  if (def.isCompact) return `Compact<${inner(def.asCompact.type)}>`;
  if (def.isTuple) {
    const parts = def.asTuple.map((part) => inner(part));
    return parts.length === 1 ? parts[0]! : `(${parts.join(',')})`;
  }
  if (def.isComposite) {
    const { fields } = def.asComposite;
    if (fields.length === 1) return inner(fields[0]!.type);
    return `{${fields.map(({ name, type }) => `${name.unwrapOrDefault().toString()}:${inner(type)}`).join(',')}}`;
  }
  return '?';
}

/** What an `Option` holds; undefined when the type is none. */
export function optionOf(lookup: TypeLookup, id: TypeId): TypeId | undefined {
  const { def, path } = lookup.getSiType(id);
  if (!def.isVariant || path.map(String).join() !== 'Option') return undefined;
  return def.asVariant.variants.find(({ index }) => index.toNumber() === 1)?.fields[0]?.type;
}

type StorageType = ApiPromise['query'][string][string]['creator']['meta']['type'];

/** Of a storage item: its value, or `key => value`; the keys of a map of several are a tuple. */
export function storageLayout(lookup: TypeLookup, type: StorageType): string {
  if (type.isPlain) return layoutOf(lookup, type.asPlain);
  const { key, value } = type.asMap;
  return `${layoutOf(lookup, key)} => ${layoutOf(lookup, value)}`;
}
