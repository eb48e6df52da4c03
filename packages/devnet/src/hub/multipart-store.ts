import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { spaceError, syncFolder, writeAll } from './file-system.ts';
import { HttpError } from './http-error.ts';
import type { ObjectStore } from './object-store.ts';
import type { UploadRight } from './upload-links.ts';

/** An object of one repo on its way in parts. */
export type MultipartUpload = Pick<UploadRight, 'repoId' | 'sha256' | 'size' | 'chunk'>;

/** A part as its client names it when all are sent. */
export interface NamedPart {
  partNumber: number;
  etag: string;
}

export function partCount({ size, chunk }: MultipartUpload): number {
  return Math.ceil(size / chunk);
}

/** Bytes of part `part`, from 1. */
export function partSize({ size, chunk }: MultipartUpload, part: number): number {
  return Math.min(chunk, size - (part - 1) * chunk);
}

function partNumber(part: number): string {
  return String(part).padStart(5, '0');
}

/**
 * Parts of unfinished uploads: `uploads/<repo id>-<sha256>-<size>-<chunk>/<part>-<sha256 of the part>`, each complete or
 * absent. The name of the folder says whose parts they are, so parts outlive a restart and a client that asks anew goes
 * on where it stopped.
 */
export class MultipartStore {
  readonly #root: string;
  readonly #temporary: string;
  readonly #busy = new Map<string, Promise<void>>();

  /** @param temporary folder on the same file system as `root`. */
  constructor(root: string, temporary: string) {
    this.#root = root;
    this.#temporary = temporary;
  }

  #folderOf({ repoId, sha256, size, chunk }: MultipartUpload): string {
    return join(this.#root, `${repoId}-${sha256}-${size}-${chunk}`);
  }

  /** sha256 of each part that is here, by its number. */
  async parts(upload: MultipartUpload): Promise<Map<number, string>> {
    const names = await readdir(this.#folderOf(upload)).catch(() => []);
    const found = new Map<number, string>();
    for (const name of names) {
      const match = /^(\d{5})-([0-9a-f]{64})$/.exec(name);
      if (match) found.set(Number(match[1]), match[2] as string);
    }
    return found;
  }

  /** Stores one part, in place of what was there. @returns its ETag. @throws HttpError 422 for more or fewer bytes. */
  async putPart(upload: MultipartUpload, part: number, chunks: AsyncIterable<Uint8Array>): Promise<string> {
    const size = partSize(upload, part);
    const temporary = join(this.#temporary, randomUUID());
    try {
      const hash = createHash('sha256');
      const file = await open(temporary, 'wx', 0o600);
      try {
        let written = 0;
        for await (const chunk of chunks) {
          written += chunk.length;
          if (written > size) throw new HttpError(422, `Part is longer than its ${size} bytes`);
          hash.update(chunk);
          await writeAll(file, chunk);
        }
        if (written !== size) throw new HttpError(422, `Part ended after ${written} of ${size} bytes`);
        await file.sync();
      } finally {
        await file.close();
      }
      const etag = hash.digest('hex');
      await this.#alone(upload, async () => {
        const folder = this.#folderOf(upload);
        await mkdir(folder, { recursive: true });
        const before = (await this.parts(upload)).get(part);
        await rename(temporary, join(folder, `${partNumber(part)}-${etag}`));
        if (before !== undefined && before !== etag) await rm(join(folder, `${partNumber(part)}-${before}`));
        await syncFolder(folder);
      });
      return etag;
    } catch (error) {
      await rm(temporary, { force: true });
      throw spaceError(error);
    }
  }

  /**
   * Puts the parts together and checks the whole. Parts whose whole is another object are dropped.
   * @throws HttpError 400 where the parts are not those that were sent, 422 for another sha256.
   */
  async complete(upload: MultipartUpload, named: readonly NamedPart[], objects: ObjectStore): Promise<void> {
    await this.#alone(upload, async () => {
      const stored = await this.parts(upload);
      const count = partCount(upload);
      if (named.length !== count) throw new HttpError(400, `This upload has ${count} parts, not ${named.length}`);
      const etags = new Map(named.map(({ partNumber, etag }) => [partNumber, etag.replace(/^(W\/)?"|"$/g, '')]));
      const files: string[] = [];
      for (let part = 1; part <= count; part++) {
        const etag = stored.get(part);
        if (etag === undefined) throw new HttpError(400, `Part ${part} was not uploaded`);
        if (etags.get(part) !== etag) throw new HttpError(400, `Part ${part} has another ETag`);
        files.push(join(this.#folderOf(upload), `${partNumber(part)}-${etag}`));
      }
      try {
        await objects.putStream(upload.sha256, upload.size, concatenated(files));
      } catch (error) {
        if (error instanceof HttpError && error.status === 422) await this.#drop(upload);
        throw error;
      }
    });
  }

  /** Call once the repo owns the object. */
  async discard(upload: MultipartUpload): Promise<void> {
    await this.#alone(upload, () => this.#drop(upload));
  }

  async #drop(upload: MultipartUpload): Promise<void> {
    await rm(this.#folderOf(upload), { recursive: true, force: true });
  }

  /** Removes uploads whose last part came more than `ageMs` ago. @returns how many. */
  async sweep(ageMs: number): Promise<number> {
    let swept = 0;
    for (const name of await readdir(this.#root)) {
      const folder = join(this.#root, name);
      if (Date.now() - (await stat(folder)).mtimeMs < ageMs) continue;
      await rm(folder, { recursive: true, force: true });
      swept += 1;
    }
    return swept;
  }

  /** One change of an upload at a time. */
  async #alone<T>(upload: MultipartUpload, work: () => Promise<T>): Promise<T> {
    const key = basename(this.#folderOf(upload));
    const result = (this.#busy.get(key) ?? Promise.resolve()).then(work);
    const tail = result.then(
      () => {},
      () => {},
    );
    this.#busy.set(key, tail);
    try {
      return await result;
    } finally {
      if (this.#busy.get(key) === tail) this.#busy.delete(key);
    }
  }
}

async function* concatenated(files: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const file of files) yield* createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>;
}
