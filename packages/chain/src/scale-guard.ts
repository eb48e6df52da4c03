import type { SiLookupTypeId } from '@polkadot/types/interfaces';
import type { Registry } from '@polkadot/types/types';
import { endpointFault } from './endpoint-fault.ts';

type Lookup = Registry['lookup'];

/** Where a value that starts at `at` ends. @throws RangeError when the bytes end before it does. */
type Skip = (bytes: Buffer, at: number) => number;

const SIZES: Readonly<Record<string, number>> = {
  Bool: 1,
  Char: 4,
  U8: 1,
  U16: 2,
  U32: 4,
  U64: 8,
  U128: 16,
  U256: 32,
  I8: 1,
  I16: 2,
  I32: 4,
  I64: 8,
  I128: 16,
  I256: 32,
};
/** Elements that take no bytes; no storage of the runtime holds any. */
const MAX_EMPTY = 1_024;
const MAX_DEPTH = 64;

const known = new WeakMap<Lookup, Map<number, Skip>>();

/**
 * Walks over a SCALE value by its type, without building anything. polkadot.js reads what is missing as zeros: a list that
 * claims half a million entries and has no bytes becomes half a million objects.
 * @throws TransientError `CHAIN_BAD_ANSWER`.
 */
export function guardScale(lookup: Lookup, type: SiLookupTypeId, bytes: Uint8Array, what: string): void {
  const skips = known.get(lookup) ?? new Map<number, Skip>();
  known.set(lookup, skips);
  try {
    skipOf(lookup, type, skips, 0)(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw endpointFault(
      'CHAIN_BAD_ANSWER',
      `${what}: the endpoint's ${bytes.length} bytes are not such a value (${error.message})`,
    );
  }
}

function skipOf(lookup: Lookup, type: SiLookupTypeId, skips: Map<number, Skip>, depth: number): Skip {
  const id = type.toNumber();
  const ready = skips.get(id);
  if (ready) return ready;
  if (depth > MAX_DEPTH) throw new RangeError('a type that is nested without end');
  // Types refer to themselves, e.g. a call that holds calls.
  let own: Skip | undefined;
  skips.set(id, (bytes, at) => own!(bytes, at));
  own = compile(lookup, type, (inner) => skipOf(lookup, inner, skips, depth + 1));
  skips.set(id, own);
  return own;
}

function compile(lookup: Lookup, type: SiLookupTypeId, inner: (type: SiLookupTypeId) => Skip): Skip {
  const { def } = lookup.getSiType(type);
  if (def.isPrimitive) {
    const name = def.asPrimitive.type;
    return name === 'Str' ? list((_bytes, at) => at + 1) : fixed(SIZES[name] ?? 1);
  }
  if (def.isComposite) return all(def.asComposite.fields.map((field) => inner(field.type)));
  if (def.isTuple) return all(def.asTuple.map(inner));
  if (def.isSequence) return list(inner(def.asSequence.type));
  if (def.isArray) return times(def.asArray.len.toNumber(), inner(def.asArray.type));
  if (def.isVariant) {
    const variants = new Map(
      def.asVariant.variants.map(({ index, fields }) => [
        index.toNumber(),
        all(fields.map((field) => inner(field.type))),
      ]),
    );
    return (bytes, at) => {
      const body = variants.get(bytes[at] ?? -1);
      if (!body) throw new RangeError(`no variant ${bytes[at]}`);
      return body(bytes, at + 1);
    };
  }
  if (def.isCompact) return (bytes, at) => compactAt(bytes, at).end;
  if (def.isBitSequence) {
    return (bytes, at) => {
      const { value, end } = compactAt(bytes, at);
      return within(bytes, end + Math.ceil(value / 8));
    };
  }
  throw new RangeError('a type that is not known');
}

function all(parts: readonly Skip[]): Skip {
  return (bytes, at) => parts.reduce((from, part) => part(bytes, from), at);
}

function fixed(size: number): Skip {
  return (bytes, at) => within(bytes, at + size);
}

function times(count: number, element: Skip): Skip {
  return (bytes, at) => repeat(bytes, at, count, element);
}

function list(element: Skip): Skip {
  return (bytes, at) => {
    const { value, end } = compactAt(bytes, at);
    return repeat(bytes, end, value, element);
  };
}

function repeat(bytes: Buffer, at: number, count: number, element: Skip): number {
  let from = at;
  for (let done = 0; done < count; done++) {
    const to = element(bytes, from);
    if (to === from && count > MAX_EMPTY) throw new RangeError(`${count} elements without bytes`);
    from = within(bytes, to);
  }
  return from;
}

function compactAt(bytes: Buffer, at: number): { value: number; end: number } {
  within(bytes, at + 1);
  const first = bytes[at]!;
  const mode = first & 3;
  const size = mode === 3 ? (first >> 2) + 5 : 1 << mode;
  const end = within(bytes, at + size);
  if (mode === 0) return { value: first >> 2, end };
  if (mode === 1) return { value: bytes.readUInt16LE(at) >> 2, end };
  if (mode === 2) return { value: bytes.readUInt32LE(at) >>> 2, end };
  return { value: size - 1 > 6 ? Number.MAX_SAFE_INTEGER : bytes.readUIntLE(at + 1, size - 1), end };
}

function within(bytes: Buffer, end: number): number {
  if (end > bytes.length) throw new RangeError('too few bytes');
  return end;
}
