import { BadInputError } from '@tuning/kit';
import { fromHex, ScaleReader, ScaleWriter, toHex } from './bytes.ts';
import { formatTypeExpression, parseTypeExpression, type TypeExpression } from './type-expression.ts';

/**
 * Encodes and decodes values of our type expressions. Values in JavaScript: u8..u32 number, u64 and wider bigint, bool,
 * Bytes and [u8; N] Uint8Array, Text string, AccountId32 and H256 '0x…', Vec and tuples arrays, Option value or
 * undefined (inside another Option: null), composites objects by field name, variants `{ kind, value }`.
 */
export interface Codec<T = unknown> {
  encodeTo(writer: ScaleWriter, value: T): void;
  decodeFrom(reader: ScaleReader): T;
}

export type Fields = Readonly<Record<string, string>> | readonly string[];

/** How a named type is laid out, and under which Rust path real metadata shows it. */
export type NamedType =
  | {
      form: 'composite';
      path: string;
      params?: Readonly<Record<string, string | null>>;
      fields: Fields;
      /** A list that does not decode when it has more items (BoundedVec). */
      limit?: number;
    }
  | {
      form: 'variant';
      path: string;
      params?: Readonly<Record<string, string | null>>;
      variants: readonly (readonly [name: string, index: number, fields: Fields])[];
    }
  /** Layout that the notation cannot express (Era): `describe` names the variant shown in metadata. */
  | { form: 'custom'; described: NamedType; codec: Codec };

export interface Variant<K extends string = string, V = unknown> {
  kind: K;
  value: V;
}

const INTEGERS: Readonly<Record<string, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  u128: 16,
  i16: 2,
  i64: 8,
  i128: 16,
};

function integerCodec(name: string): Codec {
  const size = INTEGERS[name]!;
  const signed = name.startsWith('i');
  return {
    encodeTo: (writer, value) => writer.uint(value as number | bigint, size),
    decodeFrom: (reader) => {
      if (size <= 4 && !signed) return reader.small(size);
      const value = signed ? reader.int(size) : reader.uint(size);
      return size <= 4 ? Number(value) : value;
    },
  };
}

const HASH: Codec<string> = {
  encodeTo: (writer, value) => {
    const bytes = fromHex(value);
    if (bytes.length !== 32) throw new BadInputError('SCALE_INVALID', `a 32-byte value has ${bytes.length} bytes`);
    writer.raw(bytes);
  },
  decodeFrom: (reader) => toHex(reader.raw(32)),
};

const BASIC: Readonly<Record<string, Codec>> = {
  bool: {
    encodeTo: (writer, value) => writer.u8(value ? 1 : 0),
    decodeFrom: (reader) => {
      const byte = reader.u8();
      if (byte > 1) throw new BadInputError('SCALE_INVALID', `a bool is ${byte}`);
      return byte === 1;
    },
  },
  Bytes: { encodeTo: (w, value) => w.bytes(value as Uint8Array), decodeFrom: (r) => r.bytes() },
  Text: {
    encodeTo: (w, value) => w.text(value as string),
    decodeFrom: (r) => new TextDecoder().decode(r.bytes()),
  },
  AccountId32: HASH as Codec,
  H256: HASH as Codec,
};

export class CodecRegistry {
  readonly #named: Readonly<Record<string, NamedType>>;
  readonly #codecs = new Map<string, Codec>();
  /** By the type as a caller writes it: parsing it takes longer than decoding a small value. */
  readonly #written = new Map<string, Codec>();

  constructor(named: Readonly<Record<string, NamedType>>) {
    this.#named = named;
  }

  named(name: string): NamedType | undefined {
    return this.#named[name];
  }

  encode(type: string, value: unknown): Uint8Array {
    const writer = new ScaleWriter();
    this.codec(type).encodeTo(writer, value);
    return writer.finish();
  }

  /** Throws BadInputError SCALE_INVALID; trailing bytes are an error. */
  decode(type: string, bytes: Uint8Array): unknown {
    const reader = new ScaleReader(bytes);
    const value = this.codec(type).decodeFrom(reader);
    if (reader.remaining > 0) {
      throw new BadInputError('SCALE_INVALID', `${reader.remaining} bytes are left after a ${type}`);
    }
    return value;
  }

  codec(type: string): Codec {
    let codec = this.#written.get(type);
    if (!codec) {
      codec = this.#of(parseTypeExpression(type));
      this.#written.set(type, codec);
    }
    return codec;
  }

  #of(type: TypeExpression): Codec {
    const key = formatTypeExpression(type);
    const known = this.#codecs.get(key);
    if (known) return known;
    // Recursive types (a call that holds calls) meet this forwarding codec while their own is still being built.
    let built: Codec | undefined;
    this.#codecs.set(key, {
      encodeTo: (writer, value) => built!.encodeTo(writer, value),
      decodeFrom: (reader) => built!.decodeFrom(reader),
    });
    built = this.#build(type);
    this.#codecs.set(key, built);
    return built;
  }

  #build(type: TypeExpression): Codec {
    if (type.kind === 'tuple') return tupleCodec(type.items.map((item) => this.#of(item)));
    if (type.kind === 'array') return this.#array(type.item, type.length);
    const [first] = type.args;
    switch (type.name) {
      case 'Vec':
      case 'BTreeSet':
        return vecCodec(this.#of(first!));
      case 'Option':
        return optionCodec(this.#of(first!), first?.kind === 'name' && first.name === 'Option');
      case 'Result':
        return variantCodec([
          ['Ok', 0, this.#of(first!)],
          ['Err', 1, this.#of(type.args[1]!)],
        ]);
      case 'Compact':
        return compactCodec(first!);
    }
    if (type.name in INTEGERS) return integerCodec(type.name);
    const basic = BASIC[type.name];
    if (basic) return basic;
    const named = this.#named[type.name];
    if (!named) throw new Error(`type ${type.name} is not described`);
    if (named.form === 'custom') return named.codec;
    if (named.form === 'composite') {
      const codec = this.#fields(named.fields);
      return named.limit === undefined ? codec : boundedCodec(codec, named.limit);
    }
    return variantCodec(named.variants.map(([name, index, fields]) => [name, index, this.#fields(fields)]));
  }

  #array(item: TypeExpression, length: number): Codec {
    if (item.kind === 'name' && item.name === 'u8') {
      return {
        encodeTo: (writer, value) => {
          const bytes = value as Uint8Array;
          if (bytes.length !== length) {
            throw new BadInputError('SCALE_INVALID', `a [u8; ${length}] has ${bytes.length} bytes`);
          }
          writer.raw(bytes);
        },
        decodeFrom: (reader) => reader.raw(length),
      };
    }
    return tupleCodec(Array.from({ length }, () => this.#of(item)));
  }

  #fields(fields: Fields): Codec {
    if (isUnnamed(fields)) {
      const codecs = fields.map((field) => this.codec(field));
      // One unnamed field is the value itself, as in Rust's newtypes; none is the unit.
      return codecs.length === 1 ? codecs[0]! : tupleCodec(codecs);
    }
    const entries = Object.entries(fields).map(([name, field]) => [name, this.codec(field)] as const);
    return {
      encodeTo: (writer, value) => {
        for (const [name, codec] of entries) codec.encodeTo(writer, (value as Record<string, unknown>)[name]);
      },
      decodeFrom: (reader) => Object.fromEntries(entries.map(([name, codec]) => [name, codec.decodeFrom(reader)])),
    };
  }
}

export function isUnnamed(fields: Fields): fields is readonly string[] {
  return Array.isArray(fields);
}

function tupleCodec(codecs: readonly Codec[]): Codec {
  return {
    encodeTo: (writer, value) => {
      for (const [i, codec] of codecs.entries()) codec.encodeTo(writer, (value as unknown[])[i]);
    },
    decodeFrom: (reader) => codecs.map((codec) => codec.decodeFrom(reader)),
  };
}

/** A list that is in its SCALE form already, count included: where a `Vec` is written it goes in as it is. */
export class EncodedList {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  static of(items: readonly Uint8Array[]): EncodedList {
    const writer = new ScaleWriter().compact(items.length);
    for (const item of items) writer.raw(item);
    return new EncodedList(writer.finish());
  }
}

function vecCodec(item: Codec): Codec {
  return {
    encodeTo: (writer, value) => {
      if (value instanceof EncodedList) {
        writer.raw(value.bytes);
        return;
      }
      const items = value as unknown[];
      writer.compact(items.length);
      for (const one of items) item.encodeTo(writer, one);
    },
    decodeFrom: (reader) => Array.from({ length: reader.length() }, () => item.decodeFrom(reader)),
  };
}

function boundedCodec(list: Codec, limit: number): Codec {
  return {
    encodeTo: (writer, value) => list.encodeTo(writer, value),
    decodeFrom: (reader) => {
      const items = list.decodeFrom(reader) as unknown[];
      if (items.length > limit) {
        throw new BadInputError('SCALE_INVALID', `${items.length} items are given where at most ${limit} may be`);
      }
      return items;
    },
  };
}

function optionCodec(item: Codec, nested: boolean): Codec {
  return {
    encodeTo: (writer, value) => {
      if (value === undefined || (value === null && !nested)) writer.u8(0);
      else item.encodeTo(writer.u8(1), value === null ? undefined : value);
    },
    decodeFrom: (reader) => {
      const flag = reader.u8();
      if (flag > 1) throw new BadInputError('SCALE_INVALID', `an Option's first byte is ${flag}`);
      if (flag === 0) return undefined;
      const value = item.decodeFrom(reader);
      return nested && value === undefined ? null : value;
    },
  };
}

function compactCodec(inner: TypeExpression): Codec {
  const name = inner.kind === 'name' ? inner.name : '';
  // Compact<()> occurs only in MultiAddress::Index, which Subtensor never resolves.
  if (!(name in INTEGERS)) return tupleCodec([]);
  const small = INTEGERS[name]! <= 4;
  const limit = 1n << BigInt(INTEGERS[name]! * 8);
  return {
    encodeTo: (writer, value) => writer.compact(value as number | bigint),
    decodeFrom: (reader) => {
      const value = reader.compact();
      if (value >= limit) throw new BadInputError('SCALE_INVALID', `a Compact<${name}> is out of range`);
      return small ? Number(value) : value;
    },
  };
}

function variantCodec(variants: readonly (readonly [name: string, index: number, codec: Codec])[]): Codec {
  const byName = new Map(variants.map((variant) => [variant[0], variant]));
  const byIndex = new Map(variants.map((variant) => [variant[1], variant]));
  return {
    encodeTo: (writer, value) => {
      const { kind, value: inner } = value as Variant;
      const variant = byName.get(kind);
      if (!variant) throw new Error(`variant ${kind} is not described`);
      variant[2].encodeTo(writer.u8(variant[1]), inner ?? []);
    },
    decodeFrom: (reader) => {
      const index = reader.u8();
      const variant = byIndex.get(index);
      if (!variant) throw new BadInputError('SCALE_INVALID', `no variant has index ${index}`);
      return { kind: variant[0], value: variant[2].decodeFrom(reader) };
    },
  };
}
