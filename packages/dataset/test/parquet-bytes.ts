/** A value of thrift's compact protocol, with the number of its type. */
type Thrift =
  | { i32: number }
  | { i64: number }
  | { text: string | Uint8Array }
  | { bool: boolean }
  | { list: Thrift[] }
  | { struct: Record<number, Thrift> };

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0));
    left >>= 7n;
  } while (left > 0n);
  return Buffer.from(bytes);
}
const zigzag = (value: number) => varint((BigInt(value) << 1n) ^ (BigInt(value) >> 63n));

function typeOf(value: Thrift): number {
  if ('i32' in value) return 5;
  if ('i64' in value) return 6;
  if ('text' in value) return 8;
  if ('list' in value) return 9;
  return 'struct' in value ? 12 : value.bool ? 1 : 2;
}

export function thrift(value: Thrift): Buffer {
  if ('i32' in value) return zigzag(value.i32);
  if ('i64' in value) return zigzag(value.i64);
  if ('text' in value)
    return Buffer.concat([varint(BigInt(Buffer.byteLength(value.text))), Buffer.from(value.text as string)]);
  if ('bool' in value) return Buffer.alloc(0);
  if ('list' in value) {
    const type = value.list[0] ? typeOf(value.list[0]) : 12;
    return Buffer.concat([Buffer.from([0xf0 | type]), varint(BigInt(value.list.length)), ...value.list.map(thrift)]);
  }
  const parts: Buffer[] = [];
  for (const [id, member] of Object.entries(value.struct)) {
    parts.push(Buffer.from([typeOf(member)]), zigzag(Number(id)), thrift(member));
  }
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/** What a file with one text column claims of itself; each may be a lie. Codes are parquet.thrift's. */
export interface ParquetClaims {
  name?: string;
  rows?: number;
  groupRows?: number;
  codec?: number;
  columnType?: number;
  chunkBytes?: number;
  chunkOffset?: number;
  unpackedBytes?: number;
  pageType?: number;
  pageValues?: number;
  pageBytes?: number;
  packedBytes?: number;
  encoding?: number;
  /** Optional columns have definition levels before their values. */
  optional?: boolean;
  body?: Uint8Array;
  /** A dictionary page before the data page. */
  dictionary?: { values: number; body: Uint8Array; bytes?: number };
  footerBytes?: number;
  footer?: Uint8Array;
}

/** `text` as PLAIN writes it: its length before it. */
export function plainText(...texts: string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(text));
      return [length, Buffer.from(text)];
    }),
  );
}

/** A parquet file with one row "hello" in one page, and whatever is claimed of it. */
export function parquetFile(claims: ParquetClaims = {}): Buffer {
  const body = claims.body ?? plainText('hello');
  const { name = 'a', rows = 1, encoding = 0, dictionary } = claims;
  const page = (type: number, bytes: number, packed: number, values: number, how: number) =>
    thrift({
      struct: {
        1: { i32: type },
        2: { i32: bytes },
        3: { i32: packed },
        ...(type === 2
          ? { 7: { struct: { 1: { i32: values }, 2: { i32: how } } } }
          : { 5: { struct: { 1: { i32: values }, 2: { i32: how }, 3: { i32: 3 }, 4: { i32: 3 } } } }),
      },
    });
  const first = dictionary
    ? [
        page(2, dictionary.bytes ?? dictionary.body.length, dictionary.body.length, dictionary.values, 0),
        Buffer.from(dictionary.body),
      ]
    : [];
  const header = page(
    claims.pageType ?? 0,
    claims.pageBytes ?? body.length,
    claims.packedBytes ?? body.length,
    claims.pageValues ?? rows,
    encoding,
  );
  const chunk = Buffer.concat([...first, header, body]);
  const element = (each: Record<number, Thrift>): Thrift => ({ struct: each });
  const column = {
    1: { i32: claims.columnType ?? 6 },
    2: { list: [{ i32: encoding }] },
    3: { list: [{ text: name }] },
    4: { i32: claims.codec ?? 0 },
    5: { i64: rows },
    6: { i64: claims.unpackedBytes ?? chunk.length },
    7: { i64: claims.chunkBytes ?? chunk.length },
    9: { i64: claims.chunkOffset ?? 4 },
  };
  const footer =
    claims.footer ??
    thrift({
      struct: {
        1: { i32: 1 },
        2: {
          list: [
            element({ 4: { text: 'schema' }, 5: { i32: 1 } }),
            element({
              1: { i32: claims.columnType ?? 6 },
              3: { i32: claims.optional ? 1 : 0 },
              4: { text: name },
              6: { i32: 0 },
            }),
          ],
        },
        3: { i64: rows },
        4: {
          list: [
            {
              struct: {
                1: { list: [{ struct: { 2: { i64: 4 }, 3: { struct: column } } }] },
                2: { i64: chunk.length },
                3: { i64: claims.groupRows ?? rows },
              },
            },
          ],
        },
      },
    });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(claims.footerBytes ?? footer.length);
  return Buffer.concat([Buffer.from('PAR1'), chunk, footer, length, Buffer.from('PAR1')]);
}
