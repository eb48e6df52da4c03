import { type FileMetaData, parquetSchema } from 'hyparquet';
import { getPhysicalColumns } from 'hyparquet/src/schema.js';
import { Pacer } from '../../slices.ts';
import { MAX_NESTING } from '../limits.ts';
import type { ReadRange } from './column-pages.ts';
import { parseFooter } from './footer-parts.ts';
import { FooterFault } from './parquet-fault.ts';

const MAX_FOOTER_BYTES = 16 * 1024 ** 2;
/** Some 25 for each column of each row group: 80,000 of those, and memory stays near 200 MiB. */
const MAX_FOOTER_VALUES = 2_000_000;
const MAX_SCHEMA_ELEMENTS = 20_000;
const MAGIC = 'PAR1';

/**
 * The footer of a parquet file, bounded before anything is made of it, and sound in itself: every column chunk lies in the
 * file, every row group has every column.
 * @throws FooterFault; Error of the parser.
 */
export async function readFooter(read: ReadRange, size: number): Promise<FileMetaData> {
  if (size < 12) throw new FooterFault('too short');
  const tail = await read(size - 8, 8);
  if (tail.toString('latin1', 4) !== MAGIC)
    throw new FooterFault(`it does not end in ${MAGIC}: cut, or something else`);
  const length = tail.readUInt32LE(0);
  if (length > MAX_FOOTER_BYTES) throw new FooterFault(`has a footer of more than ${MAX_FOOTER_BYTES} bytes`, true);
  if (length + 12 > size) throw new FooterFault(`its footer has ${length} bytes, the file ${size}`);
  const metadata = await parseFooter(await read(size - 8 - length, length), MAX_FOOTER_VALUES);
  checkSchema(metadata);
  await checkGroups(metadata, size - 8 - length);
  return metadata;
}

/** The tree of columns is made by recursion, so its depth is told from the flat list first. */
function checkSchema({ schema }: FileMetaData): void {
  if (schema.length > MAX_SCHEMA_ELEMENTS) throw new FooterFault(`has ${schema.length} columns and fields`, true);
  const open: number[] = [];
  for (const { name, num_children: children = 0, logical_type: logical } of schema) {
    if (children < 0 || children > schema.length) throw new FooterFault(`a field of ${children} fields`);
    if (name === '__proto__') throw new FooterFault('a column or field is named "__proto__": rename it');
    // A value of this type may refer to its own parts any number of times.
    if (logical?.type === 'VARIANT')
      throw new FooterFault(`the column "${name}" is of the type VARIANT, which is not read`);
    if (open.length > 0) open[open.length - 1]!--;
    open.push(children);
    while (open.at(-1) === 0) open.pop();
    if (open.length > MAX_NESTING) throw new FooterFault(`its columns nest more than ${MAX_NESTING} deep`);
  }
  if (open.length > 0) throw new FooterFault('its schema ends early');
}

async function checkGroups(metadata: FileMetaData, dataEnd: number): Promise<void> {
  const pacer = new Pacer();
  const leaves = getPhysicalColumns(parquetSchema(metadata));
  if (leaves.length === 0) throw new FooterFault('it has no columns');
  for (const group of metadata.row_groups) {
    if (pacer.due) await pacer.turn();
    if (!(group.num_rows >= 0n)) throw new FooterFault('a row group has fewer than no rows');
    if (group.columns.length !== leaves.length) throw new FooterFault('a row group lacks a column');
    for (const [number, { meta_data: meta, file_path: elsewhere }] of group.columns.entries()) {
      if (!meta || elsewhere !== undefined) throw new FooterFault('a column is not in the file itself');
      if (meta.path_in_schema.join('.') !== leaves[number])
        throw new FooterFault('a column stands in another one’s place');
      const { start, length } = rangeOf(meta);
      if (!(start >= 4 && length >= 0 && start + length <= dataEnd))
        throw new FooterFault('a column lies outside the file');
    }
  }
}

/** Where a column chunk's pages are. */
export function rangeOf(meta: NonNullable<FileMetaData['row_groups'][number]['columns'][number]['meta_data']>): {
  start: number;
  length: number;
} {
  const dictionary = Number(meta.dictionary_page_offset ?? 0);
  return {
    start: dictionary > 0 ? dictionary : Number(meta.data_page_offset),
    length: Number(meta.total_compressed_size),
  };
}
