import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, errorMessage } from '@tuning/kit';
import { LineSplitter } from './lines.ts';

/** Size at which the next segment begins; with 4 kept, a job's log takes at most about 8 MiB. */
const SEGMENT_BYTES = 2 * 1024 ** 2;
const KEPT_SEGMENTS = 4;
/** Enough for a stack trace and what led to it. */
const TAIL_BYTES = 8 * 1024;
const READ_BYTES = 256 * 1024;

const segmentName = (index: number) => `log.${String(index).padStart(6, '0')}`;

/**
 * Writes whole lines to numbered segments and deletes the oldest. Numbers instead of renaming, so that a reader always
 * knows which segment it is in. Synchronous: the one job of the supervisor is to write this.
 */
export class LogWriter {
  readonly #folder: string;
  #index = 0;
  #size = 0;
  #file: number;
  #failures = 0;

  constructor(folder: string) {
    this.#folder = folder;
    this.#file = openSync(join(folder, segmentName(0)), 'a', 0o600);
  }

  /** Never throws: a full disk leaves a gap in the log, it does not end the job's supervision. */
  write(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    try {
      if (this.#size > 0 && this.#size + bytes.length > SEGMENT_BYTES) this.#next();
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
      this.#size += bytes.length;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures === 1) process.stderr.write(`cannot write the log: ${errorMessage(error)}\n`);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #next(): void {
    const next = openSync(join(this.#folder, segmentName(this.#index + 1)), 'a', 0o600);
    closeSync(this.#file);
    this.#file = next;
    this.#index += 1;
    this.#size = 0;
    rmSync(join(this.#folder, segmentName(this.#index - KEPT_SEGMENTS)), { force: true });
  }
}

/** Numbers of the segments there are, ascending. */
async function segments(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names
    .map((name) => /^log\.(\d{6,})$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/** Reads a growing log line by line, from its first kept segment on. */
export class LogFollower {
  readonly #folder: string;
  readonly #lines = new LineSplitter();
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);
  #index = 0;
  #offset = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Delivers what has been added since the last call. Not to be called again before it has returned. */
  async poll(onLine: (line: string) => void): Promise<void> {
    for (;;) {
      // Listed before the read: if a later segment exists now, the current one is complete, and an empty read is its end.
      const present = await segments(this.#folder);
      const bytes = await this.#read();
      if (bytes && bytes.length > 0) {
        for (const line of this.#lines.push(bytes)) onLine(line);
        continue;
      }
      const next = present.find((index) => index > this.#index);
      if (next === undefined) return;
      // The first one looked for may be long gone, or have been deleted while it was still being read.
      const lost = next - this.#index - (bytes ? 1 : 0);
      if (lost > 0) onLine(`[${lost} of the log's segments were dropped, it grew too fast]`);
      this.#index = next;
      this.#offset = 0;
    }
  }

  /** Bytes at the position, empty at the end of the segment, undefined where the segment does not exist. */
  async #read(): Promise<Uint8Array | undefined> {
    let file: Awaited<ReturnType<typeof open>>;
    try {
      file = await open(join(this.#folder, segmentName(this.#index)), 'r');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const { bytesRead } = await file.read(this.#buffer, 0, READ_BYTES, this.#offset);
      this.#offset += bytesRead;
      return this.#buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }
}

/** The log's last lines, at most 8 KiB. */
export async function readLogTail(folder: string): Promise<string> {
  let tail = Buffer.alloc(0);
  for (const index of (await segments(folder)).slice(-2)) {
    tail = Buffer.concat([tail, await readFile(join(folder, segmentName(index)))]);
  }
  if (tail.length <= TAIL_BYTES) return tail.toString('utf8');
  const cut = tail.subarray(-TAIL_BYTES);
  return cut.subarray(cut.indexOf(0x0a) + 1).toString('utf8');
}
