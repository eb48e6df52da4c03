import type { DecodedArray, PageHeader } from 'hyparquet';
import { readPage } from 'hyparquet/src/column.js';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import { decompress } from './codecs.ts';
import { checkRuns } from './run-bounds.ts';

/** What is known of a column before its first page. */
export type ColumnDecoder = Parameters<typeof readPage>[2];

/** Unpacked bytes of one page: writers make them of 1 MiB, but of at least a thousand rows. */
export const MAX_PAGE_BYTES = 64 * 1024 ** 2;
/** Values of one page, nulls included. A page of a column that has one value only may be long. */
const MAX_PAGE_VALUES = 4 * 1024 ** 2;

/** @throws Error for sizes that no writer gives a page. */
export function checkHeader({ type, ...header }: PageHeader): void {
  const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
  if (!(unpacked >= 0) || unpacked > MAX_PAGE_BYTES) throw new Error(`a page of ${unpacked} bytes`);
  // No codec lengthens by more than a sixth.
  if (!(packed >= 0) || packed > 1.2 * unpacked + 1024) throw new Error(`a page of ${unpacked} bytes in ${packed}`);
  const facts = header.data_page_header ?? header.data_page_header_v2 ?? header.dictionary_page_header;
  if (!facts) throw new Error(`a page of the type ${type ?? 'unknown'}`);
  if (!(facts.num_values >= 0) || facts.num_values > MAX_PAGE_VALUES)
    throw new Error(`a page of ${facts.num_values} values`);
}

/**
 * The values of a page, converted. Everything that a header claims is held against the page's bytes before the decoder
 * makes room for it.
 * @param previous values of a nested column whose last row goes on in this page.
 */
export function decodePage(
  body: Uint8Array,
  header: PageHeader,
  column: ColumnDecoder,
  dictionary: DecodedArray | undefined,
  previous: DecodedArray | undefined,
): DecodedArray {
  const v2 = header.data_page_header_v2;
  const page = v2
    ? unpackedV2(body, header, column.codec)
    : decompress(column.codec, body, header.uncompressed_page_size);
  if (header.type !== 'DICTIONARY_PAGE') checkData(page, header, column, dictionary);
  const plain: PageHeader = {
    ...header,
    compressed_page_size: page.length,
    uncompressed_page_size: page.length,
    ...(v2 ? { data_page_header_v2: { ...v2, is_compressed: false } } : {}),
  };
  const reader = { view: new DataView(page.buffer, page.byteOffset, page.length), offset: 0 };
  const decoder: ColumnDecoder = { ...column, codec: 'UNCOMPRESSED' };
  return readPage(reader, plain, decoder, dictionary, previous, 0).data ?? [];
}

/** Levels stand before the compressed part of a page of version 2. */
function unpackedV2(body: Uint8Array, header: PageHeader, codec: string): Uint8Array {
  const v2 = header.data_page_header_v2!;
  const levels = v2.repetition_levels_byte_length + v2.definition_levels_byte_length;
  if (!(v2.repetition_levels_byte_length >= 0 && v2.definition_levels_byte_length >= 0 && levels <= body.length)) {
    throw new Error('levels are longer than their page');
  }
  const length = header.uncompressed_page_size - levels;
  const data = decompress(v2.is_compressed === false ? 'UNCOMPRESSED' : codec, body.subarray(levels), length);
  return Buffer.concat([body.subarray(0, levels), data]);
}

function checkData(page: Uint8Array, header: PageHeader, column: ColumnDecoder, dictionary?: DecodedArray): void {
  const v2 = header.data_page_header_v2;
  const { num_values: all, encoding } = (v2 ?? header.data_page_header)!;
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  let at = 0;
  /** @returns how many are as high as they can be. */
  const levels = (most: number, bytes: number | undefined): number => {
    if (most === 0) return all;
    const length = bytes ?? view.getUint32(at, true);
    if (bytes === undefined) at += 4;
    if (at + length > page.length) throw new Error('levels are longer than their page');
    const width = 32 - Math.clz32(most);
    checkRuns(page, at, at + length, { width, needed: all, limit: most + 1 });
    const found = new Uint8Array(all);
    readRleBitPackedHybrid({ view, offset: at }, width, found, length);
    at += length;
    return found.reduce((count, level) => count + (level === most ? 1 : 0), 0);
  };
  levels(getMaxRepetitionLevel(column.schemaPath), v2?.repetition_levels_byte_length);
  // A value that is not null is defined to the last level.
  const values = levels(getMaxDefinitionLevel(column.schemaPath), v2?.definition_levels_byte_length);
  if (v2 && v2.num_nulls !== all - values) throw new Error('a page has another number of nulls than its header names');
  if (encoding.endsWith('_DICTIONARY')) {
    if (dictionary === undefined) throw new Error('a page refers to a dictionary that is not there');
    const width = at < page.length ? view.getUint8(at) : 0;
    if (width > 0) checkRuns(page, at + 1, page.length, { width, needed: values, limit: dictionary.length });
    else if (values > 0 && dictionary.length === 0) throw new Error('a number is out of its range');
  } else if (encoding === 'RLE' && column.type === 'BOOLEAN') {
    checkRuns(page, at + 4, page.length, { width: 1, needed: values, limit: 2 });
  } else if (encoding === 'DELTA_BYTE_ARRAY') {
    checkPrefixes(view, at, values);
  }
}

/** Values that repeat the beginning of the one before may be far longer together than their page. */
function checkPrefixes(view: DataView, offset: number, values: number): void {
  const reader = { view, offset };
  const prefixes = new Int32Array(values);
  const suffixes = new Int32Array(values);
  if (values === 0) return;
  deltaBinaryUnpack(reader, values, prefixes);
  deltaBinaryUnpack(reader, values, suffixes);
  let [total, before] = [0, 0];
  for (let i = 0; i < values; i++) {
    const [prefix, suffix] = [prefixes[i]!, suffixes[i]!];
    if (prefix < 0 || suffix < 0 || prefix > before)
      throw new Error('a value begins with more than the one before has');
    before = prefix + suffix;
    total += before;
    if (total > MAX_PAGE_BYTES) throw new Error(`a page of more than ${MAX_PAGE_BYTES} bytes`);
  }
}
