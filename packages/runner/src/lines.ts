/** Longest line kept whole; a longer one is cut into several. */
export const MAX_LINE_BYTES = 64 * 1024;

const NEWLINE = 0x0a;

/** Cuts a byte stream into lines without their newline. */
export class LineSplitter {
  #rest = Buffer.alloc(0);

  push(chunk: Uint8Array): string[] {
    const bytes = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const lines: string[] = [];
    let start = 0;
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline === -1 ? bytes.length : newline;
      if (end - start > MAX_LINE_BYTES) {
        lines.push(bytes.toString('utf8', start, start + MAX_LINE_BYTES));
        start += MAX_LINE_BYTES;
        continue;
      }
      if (newline === -1) break;
      lines.push(bytes.toString('utf8', start, end));
      start = newline + 1;
    }
    this.#rest = bytes.subarray(start);
    return lines;
  }

  /** The unfinished last line, if there is one. */
  end(): string[] {
    const rest = this.#rest.toString('utf8');
    this.#rest = Buffer.alloc(0);
    return rest === '' ? [] : [rest];
  }
}
