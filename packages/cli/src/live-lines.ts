import { stripVTControlCharacters } from 'node:util';

/** What is needed of a terminal; `process.stdout` has it. */
export interface Terminal {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
}

const CLEAR_BELOW = '\x1b[0J';
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/**
 * A few lines at the bottom of a terminal that are drawn again in place, with the log running above them. Each change is one
 * write, so that nothing comes between the erasing and the drawing. No line may wrap: the cursor goes up by lines.
 */
export class LiveLines {
  readonly #terminal: Terminal;
  #lines: readonly string[] = [];
  #closed = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Characters that a line may have. The last column stays free: some terminals wrap when it is filled. */
  get width(): number {
    return (this.#terminal.columns ?? DEFAULT_COLUMNS) - 1;
  }

  /** Text for the log, ending in a line feed. */
  log(text: string): void {
    this.#terminal.write(`${this.#erase()}${text}${this.#drawn()}`);
  }

  /** Replaces the lines; each has at most `width` visible characters. What the screen cannot hold is left out. */
  draw(lines: readonly string[]): void {
    const room = Math.max(1, (this.#terminal.rows ?? DEFAULT_ROWS) - 1);
    const next = lines.slice(0, room);
    if (this.#closed || (next.length === this.#lines.length && next.every((line, at) => line === this.#lines[at])))
      return;
    const erase = this.#erase();
    this.#lines = next;
    this.#terminal.write(`${erase}${this.#drawn()}`);
  }

  /** Takes the lines away for good; the log goes on. */
  close(): void {
    this.draw([]);
    this.#closed = true;
  }

  /** A terminal that was made narrower has wrapped what was drawn for the wider one. */
  #erase(): string {
    const columns = this.#terminal.columns ?? DEFAULT_COLUMNS;
    const rows = this.#lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(visible(line) / columns)), 0);
    return rows === 0 ? '' : `\r\x1b[${rows}A${CLEAR_BELOW}`;
  }

  #drawn(): string {
    return this.#lines.map((line) => `${line}\n`).join('');
  }
}

/** Characters of a line without its colours. */
function visible(line: string): number {
  return stripVTControlCharacters(line).length;
}
