import { type JsonCutter, type JsonPiece, PartialRow } from './json-scanner.ts';
import type { ReadLimits } from './limits.ts';

const LINE_FEED = 0x0a;
const isBlank = (bytes: Buffer) => bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);

/** One JSON text per line; blank lines and CR before LF are fine. */
export class JsonLineCutter implements JsonCutter {
  readonly #partial: PartialRow;
  #line: number;

  /** `line`: of the first byte. */
  constructor(path: string, limits: ReadLimits, line = 1) {
    this.#line = line;
    this.#partial = new PartialRow(path, limits);
  }

  *push(chunk: Buffer): Iterable<JsonPiece> {
    let from = 0;
    for (;;) {
      // A file may have any number of empty lines.
      if (this.#partial.empty) {
        for (; chunk[from] === LINE_FEED; from++) this.#line++;
      }
      const end = chunk.indexOf(LINE_FEED, from);
      if (end < 0) break;
      this.#partial.add(chunk.subarray(from, end), this.#line);
      yield* this.end();
      this.#line++;
      from = end + 1;
    }
    // Copied: the reader may reuse the chunk's memory pool, and a view would keep the whole chunk alive.
    if (from < chunk.length) this.#partial.add(Buffer.from(chunk.subarray(from)), this.#line);
  }

  *end(): Iterable<JsonPiece> {
    if (this.#partial.empty) return;
    const bytes = this.#partial.take();
    if (!isBlank(bytes)) yield { bytes, line: this.#line };
  }
}
