import type { Row } from '../row.ts';
import { fileChunks, type OnBytes } from './file-chunks.ts';
import { JsonArrayCutter } from './json-array.ts';
import { JsonLineCutter } from './json-lines.ts';
import { type JsonCutter, parsePiece } from './json-scanner.ts';
import type { ReadLimits } from './limits.ts';

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const OPEN_ARRAY = 0x5b;
const LINE_FEED = 0x0a;
const isSpace = (byte: number) => byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;

/** Rows of a JSON file: an array of objects if the first character is `[`, else one object per line. */
export async function* jsonRows(
  path: string,
  limits: ReadLimits,
  signal?: AbortSignal,
  onBytes?: OnBytes,
): AsyncGenerator<Row> {
  let line = 1;
  let start: Buffer | undefined = Buffer.alloc(0);
  let cutter: JsonCutter | undefined;
  for await (const chunk of fileChunks(path, limits, signal, onBytes)) {
    let bytes = chunk;
    if (start) {
      start = Buffer.concat([start, chunk]);
      if (start.length < BOM.length) continue;
      bytes = start.subarray(0, BOM.length).equals(BOM) ? start.subarray(BOM.length) : start;
      start = undefined;
    }
    cutter ??= cutterFor(bytes);
    if (!cutter) continue;
    for (const piece of cutter.push(bytes)) yield parsePiece(path, piece);
  }
  if (start && start.length > 0) {
    cutter = cutterFor(start);
    if (cutter) for (const piece of cutter.push(start)) yield parsePiece(path, piece);
  }
  if (cutter) for (const piece of cutter.end()) yield parsePiece(path, piece);

  /** By the first byte that is not white space; a file may open with any amount of that. */
  function cutterFor(bytes: Buffer): JsonCutter | undefined {
    let at = 0;
    let feeds = 0;
    for (; at < bytes.length && isSpace(bytes[at]!); at++) if (bytes[at] === LINE_FEED) feeds++;
    if (at === bytes.length) {
      line += feeds;
      return undefined;
    }
    return bytes[at] === OPEN_ARRAY ? new JsonArrayCutter(path, limits, line) : new JsonLineCutter(path, limits, line);
  }
}
