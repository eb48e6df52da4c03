import { isUtf8 } from 'node:buffer';
import { unparsable } from './limits.ts';

const LINE_FEED = 0x0a;

/**
 * Text checked to be UTF-8 without NUL, without its byte order mark.
 * @throws BadInputError DATASET_UNPARSABLE with the line.
 */
export async function* utf8Text(path: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  const notUtf8 = (at: number, cause: unknown) =>
    unparsable(path, at, 'is not UTF-8: save the file as UTF-8 text', cause);
  for await (const chunk of chunks) {
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch (error) {
      throw notUtf8(line + feedsBeforeFault(chunk), error);
    }
    const nul = chunk.indexOf(0);
    if (nul >= 0) throw unparsable(path, line + feedsIn(chunk, nul), 'has a NUL byte: save the file as UTF-8 text');
    line += feedsIn(chunk, chunk.length);
    yield Buffer.from(text);
  }
  try {
    decoder.decode();
  } catch (error) {
    throw notUtf8(line, error);
  }
}

function feedsIn(bytes: Buffer, end: number): number {
  let feeds = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0 && at < end; at = bytes.indexOf(LINE_FEED, at + 1)) feeds++;
  return feeds;
}

/** Line feeds before the first line that is not UTF-8. The chunk may begin in a character of the one before. */
function feedsBeforeFault(chunk: Buffer): number {
  let from = 0;
  while (from < 3 && (chunk[from]! & 0xc0) === 0x80) from++;
  for (let feeds = 0; ; feeds++) {
    const end = chunk.indexOf(LINE_FEED, from);
    if (end < 0) return feeds;
    if (!isUtf8(chunk.subarray(from, end))) return feeds;
    from = end + 1;
  }
}
