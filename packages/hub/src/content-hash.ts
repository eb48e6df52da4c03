import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { HubFile } from './hub.ts';

/** About 5 ms of hashing. */
const PIECE_BYTES = 1024 ** 2;

/** Both names that the hub may give to one content. */
export interface ContentIds {
  size: number;
  sha256: string;
  /** `git hash-object`: sha1 over `blob <size>\0` and the content. */
  blob: string;
}

/** Computes both ids while bytes pass by. Git's id needs the size beforehand. */
export class ContentHash {
  readonly #sha256 = createHash('sha256');
  readonly #blob;

  constructor(size: number) {
    this.#blob = createHash('sha1').update(`blob ${size}\0`);
  }

  update(chunk: Uint8Array): void {
    this.#sha256.update(chunk);
    this.#blob.update(chunk);
  }

  end(): { sha256: string; blob: string } {
    return { sha256: this.#sha256.digest('hex'), blob: this.#blob.digest('hex') };
  }
}

/** Hashes in pieces, so that a large content does not hold up the event loop. */
export async function idsOfBytes(content: Uint8Array): Promise<ContentIds> {
  const hash = new ContentHash(content.length);
  for (let at = 0; at < content.length; at += PIECE_BYTES) {
    hash.update(content.subarray(at, at + PIECE_BYTES));
    await setImmediate();
  }
  return { size: content.length, ...hash.end() };
}

/** Reads a file once, 64 KiB at a time. A file that changes meanwhile gets ids that fit nothing. */
export async function idsOfFile(path: string, signal?: AbortSignal): Promise<ContentIds> {
  const handle = await open(path, 'r');
  const { size } = await handle.stat().finally(() => handle.close());
  const hash = new ContentHash(size);
  const stream = createReadStream(path, signal ? { signal } : {});
  for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk);
  return { size, ...hash.end() };
}

/** Whether the content is the one that the hub's list names. */
export function isContentOf(file: HubFile, ids: ContentIds): boolean {
  if (file.size !== ids.size) return false;
  return file.sha256 === undefined ? file.blob === ids.blob : file.sha256 === ids.sha256;
}
