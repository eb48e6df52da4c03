import { type FileHandle, open, rm } from 'node:fs/promises';
import { elements, type FileTensor } from '../onnx/tensor.ts';

/** The folder that locations of mapped weights start from. */
export const MAPPED_FROM = '/';

/** An open file by its descriptor: /proc/self/fd leads to the file itself, whatever its path leads to by now. */
export function locationOf(descriptor: number): string {
  return `proc/self/fd/${descriptor}`;
}

/** Bytes of one call; Linux takes no more than 2 GiB. */
const CALL_BYTES = 64 * 1024 ** 2;

/** Float32 tensors one after the other, in a file of our own. */
export class FloatFile {
  readonly #handle: FileHandle;
  #end = 0;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** A new file at `path`, in the place of what an earlier try left there. @throws the file system's error. */
  static async create(path: string): Promise<FloatFile> {
    await rm(path, { force: true });
    return new FloatFile(await open(path, 'wx+', 0o600));
  }

  /** Appends a tensor and says where it lies, until `close`. */
  async add(values: Float32Array, dims: readonly number[]): Promise<FileTensor> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const offset = this.#end;
    for (let done = 0; done < bytes.length; ) {
      const length = Math.min(bytes.length - done, CALL_BYTES);
      done += (await this.#handle.write(bytes, done, length, offset + done)).bytesWritten;
    }
    this.#end += bytes.length;
    return { type: 'float32', dims, location: locationOf(this.#handle.fd), offset, length: bytes.length };
  }

  /** A tensor that `add` has written. */
  async read({ offset, dims }: FileTensor): Promise<Float32Array> {
    const values = new Float32Array(elements(dims));
    const bytes = new Uint8Array(values.buffer);
    for (let done = 0; done < bytes.length; ) {
      const length = Math.min(bytes.length - done, CALL_BYTES);
      const { bytesRead } = await this.#handle.read(bytes, done, length, offset + done);
      if (bytesRead === 0) throw new Error(`the file of changed weights ends at byte ${offset + done}`);
      done += bytesRead;
    }
    return values;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
