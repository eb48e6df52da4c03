import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { HubFile } from './hub.ts';

/** About 5 ms of hashing. */
const PIECE_BYTES = 1024 ** 2;
/** Larger files are LFS objects, whose id is their sha256; huggingface.co makes them so from 10 MB on. */
const MAX_BLOB_BYTES = 64 * 1024 ** 2;

/** Names that the hub may give to one content. */
export interface ContentIds {
  size: number;
  sha256: string;
  /** `git hash-object`: sha1 over `blob <size>\0` and the content. Absent where it was not asked for. */
  blob: string | undefined;
}

/** Computes the ids while bytes pass by. Git's id needs the size beforehand. */
class ContentHash {
  readonly #size: number;
  readonly #sha256 = createHash('sha256');
  readonly #blob;

  constructor(size: number, blob: boolean) {
    this.#size = size;
    this.#blob = blob ? createHash('sha1').update(`blob ${size}\0`) : undefined;
  }

  update(chunk: Uint8Array): void {
    this.#sha256.update(chunk);
    this.#blob?.update(chunk);
  }

  end(): ContentIds {
    return { size: this.#size, sha256: this.#sha256.digest('hex'), blob: this.#blob?.digest('hex') };
  }
}

/** Hashes in pieces, so that a large content does not hold up the event loop. */
export async function idsOfBytes(content: Uint8Array): Promise<ContentIds> {
  const hash = new ContentHash(content.length, true);
  for (let at = 0; at < content.length; at += PIECE_BYTES) {
    hash.update(content.subarray(at, at + PIECE_BYTES));
    await setImmediate();
  }
  return hash.end();
}

/**
 * Reads a file once, 256 KiB at a time. A file that changes meanwhile gets ids that fit nothing.
 * @param options.blob whether git's id is wanted; default: for files that a hub may keep outside LFS.
 */
export async function idsOfFile(
  path: string,
  options: { blob?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<ContentIds> {
  const handle = await open(path, 'r');
  const { size } = await handle.stat().finally(() => handle.close());
  const hash = new ContentHash(size, options.blob ?? size <= MAX_BLOB_BYTES);
  const stream = createReadStream(path, {
    highWaterMark: 256 * 1024,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.end();
}

/** Whether the content is the one that the hub's list names. */
export function isContentOf(file: HubFile, ids: ContentIds): boolean {
  if (file.size !== ids.size) return false;
  return file.sha256 === undefined ? file.blob === ids.blob : file.sha256 === ids.sha256;
}
