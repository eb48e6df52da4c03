import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LineSplitter } from '../lines.ts';
import { LogWriter } from '../log-segments.ts';
import { demultiplex } from './demultiplex.ts';

/** Written bytes after which the readers of the segments are waited for: they must not fall behind what is kept. */
const PACE_BYTES = 2 * 1024 ** 2;

/** The engine's stamp before a line when asked for: RFC 3339 with nine digits, so that stamps compare as text. */
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) /;

const stampOf = (ms: number) => new Date(ms).toISOString().replace('Z', '000000Z');

/** Writes a container's output into the log segments of its registry folder, from one stream after the other. */
export class ContainerLog {
  readonly #writer: LogWriter;
  readonly #pace: () => Promise<void>;
  /** Stamp of the last line written; later streams go on after it. */
  #last = '';

  private constructor(writer: LogWriter, pace: () => Promise<void>) {
    this.#writer = writer;
    this.#pace = pace;
  }

  /**
   * Begins anew: the engine's copy is read again from its first kept line.
   * @param pace resolves once the readers have what is written; the container waits for it in the end
   */
  static async open(folder: string, pace: () => Promise<void>): Promise<ContainerLog> {
    for (const name of await readdir(folder)) {
      if (name.startsWith('log.')) await rm(join(folder, name), { force: true });
    }
    return new ContainerLog(new LogWriter(folder), pace);
  }

  /** Unix time in seconds from which the engine must be asked for what is missing. */
  get since(): number {
    return this.#last === '' ? 0 : Math.floor(Date.parse(this.#last) / 1000);
  }

  /**
   * Writes a multiplexed stream to its end.
   * @param stamped whether the engine was asked for timestamps; lines not newer than the last one written are left out
   * @throws BadInputError `ENGINE_STREAM_BROKEN`; what the transport throws
   */
  async record(chunks: AsyncIterable<Uint8Array>, stamped: boolean): Promise<void> {
    const splitters = new Map<number, LineSplitter>();
    let unpaced = 0;
    try {
      for await (const { stream, bytes } of demultiplex(chunks)) {
        const splitter = splitters.get(stream) ?? new LineSplitter();
        splitters.set(stream, splitter);
        this.#write(splitter.push(bytes), stamped);
        unpaced += bytes.length;
        if (unpaced < PACE_BYTES) continue;
        await this.#pace();
        unpaced = 0;
      }
    } finally {
      for (const splitter of splitters.values()) this.#write(splitter.end(), stamped);
    }
  }

  close(): void {
    this.#writer.close();
  }

  #write(lines: string[], stamped: boolean): void {
    if (!stamped) {
      if (lines.length > 0) this.#last = stampOf(Date.now());
      this.#writer.write(lines);
      return;
    }
    const fresh: string[] = [];
    for (const line of lines) {
      const stamp = STAMP.exec(line)?.[1];
      if (stamp !== undefined && stamp <= this.#last) continue;
      if (stamp !== undefined) this.#last = stamp;
      fresh.push(stamp === undefined ? line : line.slice(stamp.length + 1));
    }
    this.#writer.write(fresh);
  }
}
