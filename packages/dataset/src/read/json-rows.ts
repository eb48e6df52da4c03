import type { Row } from '../row.ts';
import { fileChunks } from './file-chunks.ts';
import { JsonArrayCutter } from './json-array.ts';
import { JsonLineCutter } from './json-lines.ts';
import { type JsonCutter, parsePiece } from './json-scanner.ts';
import type { ReadLimits } from './limits.ts';

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const OPEN_ARRAY = 0x5b;
const isSpace = (byte: number) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;

/** Rows of a JSON file: an array of objects if the first character is `[`, else one object per line. */
export async function* jsonRows(path: string, limits: ReadLimits, signal?: AbortSignal): AsyncGenerator<Row> {
  let head: Buffer = Buffer.alloc(0);
  let cutter: JsonCutter | undefined;
  for await (const chunk of fileChunks(path, limits, signal)) {
    let bytes = chunk;
    if (!cutter) {
      head = Buffer.concat([head, chunk]);
      const start = startOf(head);
      // A file may open with more white space than one chunk holds; the byte limit bounds the wait.
      if (start.first === undefined) continue;
      cutter = start.first === OPEN_ARRAY ? new JsonArrayCutter(path, limits) : new JsonLineCutter(path, limits);
      bytes = head.subarray(start.skip);
    }
    for (const piece of cutter.push(bytes)) yield parsePiece(path, piece);
  }
  if (cutter) for (const piece of cutter.end()) yield parsePiece(path, piece);
}

/** Length of a byte order mark, and the first byte that is not white space. */
function startOf(head: Buffer): { skip: number; first: number | undefined } {
  if (head.length < BOM.length && BOM.subarray(0, head.length).equals(head)) return { skip: 0, first: undefined };
  const skip = head.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
  return { skip, first: head.subarray(skip).find((byte) => !isSpace(byte)) };
}
