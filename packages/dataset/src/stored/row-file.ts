import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { BadInputError } from '@tuning/kit';
import { NumberList } from '../number-list.ts';
import type { Row } from '../row.ts';
import type { Rows } from '../rows.ts';
import type { WrittenLines } from './line-writer.ts';

/** Read at once where lines are asked for in order; what a step may read without letting the event loop turn. */
const BLOCK_BYTES = 256 * 1024;
/** Read at once after a jump; as long as lines follow each other from there, four times as many each time. */
const JUMP_BYTES = 4 * 1024;
const LINE_FEED = 0x0a;

/**
 * Rows in a file of canonical lines (`rowLine`, each with a line feed), read block by block as they are asked for; 8 bytes
 * a row of index and one block are all that is in memory. Reads block for the time the disk takes for a block, so the
 * file has to lie on a local disk. To be closed.
 */
export class RowFile implements Rows {
  readonly path: string;
  /** sha256 of the file, hex: `rowsDigest` of the rows. */
  readonly digest: string;
  readonly bytes: number;
  readonly #starts: NumberList;
  #fd: number | undefined;
  readonly #room = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #block: Buffer = Buffer.alloc(0);
  #blockStart = 0;
  #ahead = JUMP_BYTES;

  constructor(path: string, { digest, bytes, starts }: WrittenLines) {
    this.path = path;
    this.digest = digest;
    this.bytes = bytes;
    this.#starts = starts;
    this.#fd = openSync(path, 'r');
  }

  get length(): number {
    return this.#starts.length;
  }

  at(index: number): Row | undefined {
    return index < this.length ? (JSON.parse(this.line(index).toString()) as Row) : undefined;
  }

  /** With its line feed; known without reading it. */
  lineBytes(index: number): number {
    return (index + 1 < this.length ? this.#starts.at(index + 1) : this.bytes) - this.#starts.at(index);
  }

  line(index: number): Buffer {
    const start = this.#starts.at(index);
    const end = start + this.lineBytes(index) - 1;
    if (start < this.#blockStart || end > this.#blockStart + this.#block.length) this.#read(start, end - start);
    return this.#block.subarray(start - this.#blockStart, end - this.#blockStart);
  }

  *[Symbol.iterator](): Iterator<Row> {
    for (let index = 0; index < this.length; index++) yield this.at(index)!;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #read(start: number, least: number): void {
    if (this.#fd === undefined) throw new Error(`the rows of ${this.path} are closed`);
    const isNext = start >= this.#blockStart && start <= this.#blockStart + this.#block.length;
    this.#ahead = isNext ? Math.min(BLOCK_BYTES, 4 * this.#ahead) : JUMP_BYTES;
    const wanted = Math.min(this.bytes - start, Math.max(this.#ahead, least));
    const block = (wanted > this.#room.length ? Buffer.allocUnsafeSlow(wanted) : this.#room).subarray(0, wanted);
    let got = 0;
    while (got < wanted) {
      const read = readSync(this.#fd, block, got, wanted - got, start + got);
      if (read === 0)
        throw new BadInputError('DATASET_CHANGED', `${basename(this.path)} became shorter while it was read`);
      got += read;
    }
    this.#block = block;
    this.#blockStart = start;
  }
}

/**
 * Opens a file that `storeDataset` or `writeRows` wrote: finds its lines and its digest in one pass, without parsing.
 * Whoever knows the digest knows from it that the lines are canonical.
 * @throws BadInputError DATASET_NOT_READABLE. The signal's reason when aborted.
 */
export async function openRowFile(path: string, signal?: AbortSignal): Promise<RowFile> {
  const handle = await open(path).catch((error: unknown) => {
    throw new BadInputError('DATASET_NOT_READABLE', `cannot read the rows in ${path}`, { cause: error });
  });
  try {
    const starts = new NumberList(Float64Array);
    const hash = createHash('sha256');
    const block = Buffer.alloc(BLOCK_BYTES);
    let [bytes, lineStart] = [0, 0];
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(block, 0, block.length, bytes);
      if (bytesRead === 0) break;
      const part = block.subarray(0, bytesRead);
      hash.update(part);
      for (let feed = part.indexOf(LINE_FEED); feed >= 0; feed = part.indexOf(LINE_FEED, feed + 1)) {
        starts.push(lineStart);
        lineStart = bytes + feed + 1;
      }
      bytes += bytesRead;
    }
    if (lineStart !== bytes) {
      throw new BadInputError('DATASET_NOT_READABLE', `the rows in ${path} end in the middle of a line`);
    }
    return new RowFile(path, { digest: hash.digest('hex'), bytes, starts });
  } finally {
    await handle.close();
  }
}
