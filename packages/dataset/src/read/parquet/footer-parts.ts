import { type FileMetaData, parquetMetadata } from 'hyparquet';
import { Pacer } from '../../slices.ts';
import { LIST_TYPE, ThriftWalk } from './thrift-bounds.ts';

/** Field of the list of row groups in FileMetaData, and the heads of an empty list and of a longer one of structs. */
const ROW_GROUPS = 4;
const NO_STRUCTS = Buffer.from([0x0c]);
const MANY_STRUCTS = 0xfc;
const END_OF_STRUCT = Buffer.from([0]);
/** Of row groups, parsed in one go: some ms. */
const PART_BYTES = 64 * 1024;

interface Groups {
  /** Place of the list's head, and of what comes behind the list. */
  head: number;
  behind: number;
  /** Place of each group, and of the end of the last one. */
  starts: number[];
}

/**
 * Parses a footer whose row groups may be tens of thousands, which take the library half a second in one go: once without
 * them, then some of them at a time, each time with the schema that stands before them.
 * @param footer the thrift struct. @throws Error where it has over `maxValues` values; Error of the parser.
 */
export async function parseFooter(footer: Buffer, maxValues: number): Promise<FileMetaData> {
  const pacer = new Pacer();
  const groups = await findGroups(footer, maxValues, pacer);
  if (groups === undefined) return parsed(footer);
  const { head, behind, starts } = groups;
  const before = footer.subarray(0, head);
  const metadata = parsed(before, NO_STRUCTS, footer.subarray(behind));
  const rowGroups: FileMetaData['row_groups'] = [];
  const partBytes = Math.max(PART_BYTES, 2 * before.length);
  for (let from = 0; from < starts.length - 1; ) {
    let to = from + 1;
    while (to < starts.length - 1 && starts[to + 1]! - starts[from]! <= partBytes) to++;
    if (pacer.due) await pacer.turn();
    const part = parsed(before, listHead(to - from), footer.subarray(starts[from], starts[to]), END_OF_STRUCT);
    rowGroups.push(...part.row_groups);
    from = to;
  }
  return { ...metadata, row_groups: rowGroups, metadata_length: footer.length };
}

/** undefined where there is no list of row groups, or one of something else: for the parser to say. */
async function findGroups(footer: Buffer, maxValues: number, pacer: Pacer): Promise<Groups | undefined> {
  const walk = new ThriftWalk(footer, 0, maxValues);
  let found: Groups | undefined;
  for (let field = walk.field(0); field; field = walk.field(field.id)) {
    if (pacer.due) await pacer.turn();
    if (field.id !== ROW_GROUPS || field.type !== LIST_TYPE) {
      walk.value(field.type, 0);
      continue;
    }
    if (found) throw new Error('its footer has two lists of row groups');
    const head = walk.at;
    const { size, isOfStructs } = walk.listHead();
    if (size > 0 && !isOfStructs) throw new Error('its row groups are no structs');
    const starts = [walk.at];
    for (let group = 0; group < size; group++) {
      if (pacer.due) await pacer.turn();
      walk.struct(2);
      starts.push(walk.at);
    }
    found = { head, behind: walk.at, starts };
  }
  return found;
}

function parsed(...parts: Uint8Array[]): FileMetaData {
  const tail = Buffer.from('....PAR1');
  tail.writeUInt32LE(
    parts.reduce((sum, { length }) => sum + length, 0),
    0,
  );
  return parquetMetadata(Buffer.concat([...parts, tail]), { geoparquet: false });
}

function listHead(size: number): Buffer {
  const bytes = [MANY_STRUCTS];
  let left = size;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
  return Buffer.from(bytes);
}
