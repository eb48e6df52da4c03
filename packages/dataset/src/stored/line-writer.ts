import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { NumberList } from '../number-list.ts';

const BLOCK_BYTES = 256 * 1024;
const LINE_FEED = Buffer.from('\n');

/** What was written: `digest` is the sha256 of the file, hex. */
export interface WrittenLines {
  digest: string;
  bytes: number;
  /** Where each line begins. */
  starts: NumberList;
}

/** Writes a file of lines block by block, hashing on the way; readable for its owner only. It has its name only when it is
 * whole and on disk. */
export class LineWriter {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #starts = new NumberList(Float64Array);
  #parts: Uint8Array[] = [];
  #waiting = 0;
  #bytes = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  static async open(path: string): Promise<LineWriter> {
    return new LineWriter(path, await open(`${path}.part`, 'w', 0o600));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether `flush` should be called before more is added. */
  get isFull(): boolean {
    return this.#waiting >= BLOCK_BYTES;
  }

  /** A line without its end. Bytes are copied. */
  add(line: Uint8Array | string): void {
    this.#starts.push(this.#bytes);
    const bytes = Buffer.from(line as string);
    this.#parts.push(bytes, LINE_FEED);
    this.#waiting += bytes.length + 1;
    this.#bytes += bytes.length + 1;
  }

  async flush(): Promise<void> {
    const block = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#waiting = 0;
    this.#hash.update(block);
    for (let at = 0; at < block.length; ) at += (await this.#handle.write(block, at)).bytesWritten;
  }

  /** Gives the file its name. */
  async finish(): Promise<WrittenLines> {
    await this.flush();
    await this.#handle.sync();
    await this.#handle.close();
    await rename(`${this.#path}.part`, this.#path);
    const folder = await open(dirname(this.#path), 'r');
    await folder.sync().finally(() => folder.close());
    return { digest: this.#hash.digest('hex'), bytes: this.#bytes, starts: this.#starts };
  }

  /** Leaves nothing behind. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(`${this.#path}.part`, { force: true });
  }
}

/** A file of what `write` adds; nothing of it is left where that fails. */
export async function writingLines(path: string, write: (writer: LineWriter) => Promise<void>): Promise<WrittenLines> {
  const writer = await LineWriter.open(path);
  try {
    await write(writer);
    return await writer.finish();
  } catch (error) {
    await writer.discard();
    throw error;
  }
}
