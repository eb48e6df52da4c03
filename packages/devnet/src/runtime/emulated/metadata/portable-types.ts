import { ScaleWriter } from '../../../scale/bytes.ts';
import { type CodecRegistry, type Fields, isUnnamed, type NamedType } from '../../../scale/codec.ts';
import { formatTypeExpression, parseTypeExpression, type TypeExpression } from '../../../scale/type-expression.ts';

/** scale_info::TypeDefPrimitive, in order. */
const PRIMITIVES = 'bool char str u8 u16 u32 u64 u128 u256 i8 i16 i32 i64 i128 i256'.split(' ');

type Params = readonly (readonly [name: string, type: number | undefined])[];

/** Collects the types that metadata refers to by number (scale_info::PortableRegistry) from our expressions. */
export class PortableTypes {
  readonly #codecs: CodecRegistry;
  readonly #ids = new Map<string, number>();
  readonly #types: Uint8Array[] = [];

  constructor(codecs: CodecRegistry) {
    this.#codecs = codecs;
  }

  /** The number of a type, registering it and what it refers to at its first use. */
  id(type: string): number {
    return this.#id(parseTypeExpression(type));
  }

  /** Vec<PortableType>, SCALE-encoded; call it after the last id(). */
  encode(): Uint8Array {
    const writer = new ScaleWriter().compact(this.#types.length);
    for (const [id, type] of this.#types.entries()) writer.compact(id).raw(type);
    return writer.finish();
  }

  #id(type: TypeExpression): number {
    const key = formatTypeExpression(type);
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#types.length;
    // The number is taken before the parts are visited: a call type refers to itself.
    this.#ids.set(key, id);
    this.#types.push(new Uint8Array());
    this.#types[id] = this.#describe(type);
    return id;
  }

  #describe(type: TypeExpression): Uint8Array {
    if (type.kind === 'tuple') {
      const ids = type.items.map((item) => this.#id(item));
      return portable('', [], (w) => {
        w.u8(4).compact(ids.length);
        for (const id of ids) w.compact(id);
      });
    }
    if (type.kind === 'array') {
      const id = this.#id(type.item);
      return portable('', [], (w) => w.u8(3).uint(type.length, 4).compact(id));
    }
    const [first, second] = type.args;
    switch (type.name) {
      case 'Vec':
        return this.#sequence(this.#id(first!));
      case 'Bytes':
        return this.#sequence(this.id('u8'));
      case 'Compact': {
        const id = this.#id(first!);
        return portable('', [], (w) => w.u8(6).compact(id));
      }
      case 'BTreeSet': {
        const item = this.#id(first!);
        const list = this.#id({ kind: 'name', name: 'Vec', args: [first!] });
        return portable('BTreeSet', [['T', item]], (w) => writeFields(w.u8(0), [[undefined, list]]));
      }
      case 'Option': {
        const id = this.#id(first!);
        return portable('Option', [['T', id]], (w) =>
          writeVariants(w, [
            ['None', 0, []],
            ['Some', 1, [[undefined, id]]],
          ]),
        );
      }
      case 'Result': {
        const ok = this.#id(first!);
        const err = this.#id(second!);
        const params: Params = [
          ['T', ok],
          ['E', err],
        ];
        return portable('Result', params, (w) =>
          writeVariants(w, [
            ['Ok', 0, [[undefined, ok]]],
            ['Err', 1, [[undefined, err]]],
          ]),
        );
      }
      case 'Text':
        return portable('', [], (w) => w.u8(5).u8(PRIMITIVES.indexOf('str')));
      case 'AccountId32':
        return this.#hash('sp_core::crypto::AccountId32');
      case 'H256':
        return this.#hash('primitive_types::H256');
    }
    const primitive = PRIMITIVES.indexOf(type.name);
    if (primitive >= 0) return portable('', [], (w) => w.u8(5).u8(primitive));
    const named = this.#codecs.named(type.name);
    if (!named) throw new Error(`type ${type.name} is not described`);
    return this.#named(named.form === 'custom' ? named.described : named);
  }

  #sequence(item: number): Uint8Array {
    return portable('', [], (w) => w.u8(2).compact(item));
  }

  #hash(path: string): Uint8Array {
    const bytes = this.id('[u8;32]');
    return portable(path, [], (w) => writeFields(w.u8(0), [[undefined, bytes]]));
  }

  #named(named: NamedType): Uint8Array {
    if (named.form === 'custom') return this.#named(named.described);
    const params: Params = Object.entries(named.params ?? {}).map(([name, type]) => [
      name,
      type === null ? undefined : this.id(type),
    ]);
    if (named.form === 'composite') {
      const fields = this.#fields(named.fields);
      return portable(named.path, params, (w) => writeFields(w.u8(0), fields));
    }
    const variants = named.variants.map(([name, index, fields]) => [name, index, this.#fields(fields)] as const);
    // The Python SDK names an error only if it has a text; the chain's own are not copied here.
    const docs = named.path.endsWith('::Error') ? words : undefined;
    return portable(named.path, params, (w) => writeVariants(w, variants, docs));
  }

  #fields(fields: Fields): FieldRow[] {
    if (isUnnamed(fields)) return fields.map((type) => [undefined, this.id(type), type]);
    return Object.entries(fields).map(([name, type]) => [name, this.id(type), type]);
  }
}

/** `shown`: the type as its source writes it; Python clients cannot read events without. */
type FieldRow = readonly [name: string | undefined, type: number, shown?: string];

/** Path segments, type parameters, definition; no docs. */
function portable(path: string, params: Params, definition: (writer: ScaleWriter) => void): Uint8Array {
  const writer = new ScaleWriter();
  const segments = path === '' ? [] : path.split('::');
  writer.compact(segments.length);
  for (const segment of segments) writer.text(segment);
  writer.compact(params.length);
  for (const [name, type] of params) {
    writer.text(name);
    if (type === undefined) writer.u8(0);
    else writer.u8(1).compact(type);
  }
  definition(writer);
  return writer.compact(0).finish();
}

function writeFields(writer: ScaleWriter, fields: readonly FieldRow[]): void {
  writer.compact(fields.length);
  for (const [name, type, shown] of fields) {
    if (name === undefined) writer.u8(0);
    else writer.u8(1).text(name);
    writer.compact(type);
    if (shown === undefined) writer.u8(0);
    else writer.u8(1).text(shown);
    // No docs.
    writer.compact(0);
  }
}

/** 'HotKeyNotRegisteredInSubNet' -> 'Hot key not registered in sub net.' */
function words(name: string): string {
  const spaced = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase();
  return `${spaced.charAt(0).toUpperCase()}${spaced.slice(1)}.`;
}

function writeVariants(
  writer: ScaleWriter,
  variants: readonly (readonly [name: string, index: number, fields: readonly FieldRow[]])[],
  docs?: (name: string) => string,
): void {
  writer.u8(1).compact(variants.length);
  for (const [name, index, fields] of variants) {
    writer.text(name);
    writeFields(writer, fields);
    writer.u8(index);
    if (docs) writer.compact(1).text(docs(name));
    else writer.compact(0);
  }
}
