import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream, type ReadStream } from 'node:fs';
import { chmod, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { spaceError, syncFolder, writeAll } from './file-system.ts';
import { HttpError } from './http-error.ts';

/** Content-addressed files: `objects/sha256/ab/cd/<sha256>`, read-only, complete or absent. */
export class ObjectStore {
  readonly #root: string;
  readonly #temporary: string;

  /** @param temporary folder for unfinished uploads, on the same file system as `root`. */
  constructor(root: string, temporary: string) {
    this.#root = root;
    this.#temporary = temporary;
  }

  #pathOf(sha256: string): string {
    return join(this.#root, 'sha256', sha256.slice(0, 2), sha256.slice(2, 4), sha256);
  }

  /** Bytes `start` to `end`, both included. A link in the place of an object is not followed. */
  read(sha256: string, range?: { start: number; end: number }): ReadStream {
    // The type knows names of flags only; the call takes numbers, as open does.
    const flags = (constants.O_RDONLY | constants.O_NOFOLLOW) as unknown as string;
    return createReadStream(this.#pathOf(sha256), { flags, ...range });
  }

  /**
   * Stores small content; returns its sha256. Written also where it is there already: an answer that comes sooner would
   * tell who guesses the content of another's repo.
   */
  async put(content: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(content).digest('hex');
    await this.#land(sha256, async (file) => {
      await file.writeFile(content);
    });
    return sha256;
  }

  /**
   * Stores a stream whose sha256 and size were announced; memory use is one chunk.
   * @throws HttpError 422 if the bytes are others, more or fewer.
   */
  async putStream(sha256: string, size: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#land(sha256, async (file) => {
      const hash = createHash('sha256');
      let written = 0;
      for await (const chunk of chunks) {
        written += chunk.length;
        if (written > size) throw new HttpError(422, `Upload is longer than the ${size} bytes announced`);
        hash.update(chunk);
        await writeAll(file, chunk);
      }
      if (written !== size) throw new HttpError(422, `Upload ended after ${written} of ${size} bytes`);
      if (hash.digest('hex') !== sha256) throw new HttpError(422, 'Upload has another sha256 than announced');
    });
  }

  async #land(sha256: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
    const temporary = join(this.#temporary, randomUUID());
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await fill(file);
        await file.sync();
      } finally {
        await file.close();
      }
      await chmod(temporary, 0o444);
      const path = this.#pathOf(sha256);
      await mkdir(dirname(path), { recursive: true });
      await rename(temporary, path);
      await syncFolder(dirname(path));
    } catch (error) {
      await rm(temporary, { force: true });
      throw spaceError(error);
    }
  }
}
