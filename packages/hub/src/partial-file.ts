import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { HubFile } from './hub.ts';

/** Smaller files are not worth taking up again. */
const KEEP_BYTES = 1024 ** 2;
/** How often the record follows the bytes, in ms: a killed process loses what came since. */
const RECORD_MS = 500;

/** A stretch of a file, fetched by one request: bytes `start` to `end` (exclusive), of which the first `done` are on disk. */
export interface Piece {
  start: number;
  end: number;
  done: number;
}

const recordSchema = z.object({
  content: z.string(),
  pieces: z
    .array(z.object({ start: z.number().int(), end: z.number().int(), done: z.number().int().min(0) }))
    .min(1)
    .max(100_000),
});

/**
 * A file on its way to disk: `.<id>.part`, and beside it a record of the pieces that are there, so that another process can
 * go on. The bytes are believed only once the whole has the right hash. To be held by one process at a time.
 */
export class PartialFile {
  /** Whether bytes of an earlier process are in it. */
  readonly isResumed: boolean;
  readonly path: string;
  readonly #file: HubFile;
  readonly #handle: FileHandle;
  #pieces: Piece[];
  #recordedAt = performance.now();
  #recording: Promise<void> | undefined;

  private constructor(path: string, file: HubFile, handle: FileHandle, pieces: Piece[], isResumed: boolean) {
    this.path = path;
    this.#file = file;
    this.#handle = handle;
    this.#pieces = pieces;
    this.isResumed = isResumed;
  }

  /** Where a file is kept while it comes: the same for the same path and content. */
  static pathOf(folder: string, file: HubFile): string {
    const id = createHash('sha256')
      .update(`${contentOf(file)}\0${file.path}`)
      .digest('hex')
      .slice(0, 32);
    return join(folder, `.${id}.part`);
  }

  /** Takes up what is there, or begins anew. */
  static async open(path: string, file: HubFile, pieceBytes: number): Promise<PartialFile> {
    const known = await recordedPieces(path, file);
    const handle = await open(path, known ? 'r+' : 'w+', 0o644);
    return new PartialFile(path, file, handle, known ?? piecesOf(file.size, pieceBytes), known !== undefined);
  }

  get doneBytes(): number {
    return this.#pieces.reduce((sum, { done }) => sum + done, 0);
  }

  /** Whether the file is one piece, which may be asked for without naming a range. */
  get isWhole(): boolean {
    return this.#pieces.length === 1;
  }

  missing(): Piece[] {
    return this.#pieces.filter(({ start, end, done }) => start + done < end || this.#file.size === 0);
  }

  /** Forgets all bytes: one piece from the beginning. */
  restart(): Piece {
    const whole = { start: 0, end: this.#file.size, done: 0 };
    this.#pieces = [whole];
    return whole;
  }

  /** Appends to a piece. */
  async write(piece: Piece, chunk: Uint8Array): Promise<void> {
    const at = piece.start + piece.done;
    for (let done = 0; done < chunk.length; ) {
      done += (await this.#handle.write(chunk, done, chunk.length - done, at + done)).bytesWritten;
    }
    piece.done += chunk.length;
    if (this.#isKept && performance.now() - this.#recordedAt > RECORD_MS) await this.#record();
  }

  /** Gives the whole file its name; it is on disk when this returns. */
  async finish(target: string): Promise<void> {
    await this.#recording?.catch(() => {});
    try {
      await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
    await rename(this.path, target);
    await rm(recordOf(this.path), { force: true });
  }

  /** Leaves what there is for the next try, unless that is little. */
  async leave(): Promise<void> {
    if (!this.#isKept || this.doneBytes === 0) return this.discard();
    try {
      await this.#record();
    } catch {
      // Without a record, say on a full disk, the bytes serve nobody.
      return this.discard();
    }
    await this.#handle.close();
  }

  async discard(): Promise<void> {
    await this.#recording?.catch(() => {});
    await this.#handle.close();
    await rm(this.path, { force: true });
    await rm(recordOf(this.path), { force: true });
  }

  get #isKept(): boolean {
    return this.#file.size >= KEEP_BYTES;
  }

  /** One at a time; the bytes it speaks of were written before. */
  async #record(): Promise<void> {
    this.#recordedAt = performance.now();
    const record = { content: contentOf(this.#file), pieces: this.#pieces };
    const text = JSON.stringify(record);
    const before = this.#recording;
    this.#recording = (async () => {
      await before?.catch(() => {});
      await writeFile(`${recordOf(this.path)}.new`, text);
      await rename(`${recordOf(this.path)}.new`, recordOf(this.path));
    })();
    await this.#recording;
  }
}

const recordOf = (path: string) => `${path}.json`;
const contentOf = ({ sha256, blob, size }: HubFile) => `${sha256 ?? blob} ${size}`;

function piecesOf(size: number, pieceBytes: number): Piece[] {
  const pieces: Piece[] = [];
  for (let start = 0; start < size || start === 0; start += pieceBytes) {
    pieces.push({ start, end: Math.min(size, start + pieceBytes), done: 0 });
  }
  return pieces;
}

/** What the record says is there, if it is sound and the file has as many bytes. */
async function recordedPieces(path: string, file: HubFile): Promise<Piece[] | undefined> {
  const text = await readFile(recordOf(path), 'utf8').catch(() => undefined);
  const onDisk = await stat(path).catch(() => undefined);
  if (text === undefined || !onDisk?.isFile()) return undefined;
  const record = recordSchema.safeParse(parsed(text)).data;
  if (!record || record.content !== contentOf(file)) return undefined;
  let at = 0;
  for (const { start, end, done } of record.pieces) {
    if (start !== at || end <= start || start + done > end) return undefined;
    if (done > 0 && start + done > onDisk.size) return undefined;
    at = end;
  }
  return at === file.size ? record.pieces : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
