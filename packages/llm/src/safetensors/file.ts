import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { BadInputError } from '@tuning/kit';
import { DTYPE_BYTES, decodeWeights } from './dtype.ts';
import { headerLength, invalidSafetensors, parseHeader, type TensorEntry } from './header.ts';
import { openRegularFile } from './regular-file.ts';

const CHUNK_BYTES = 8 * 1024 ** 2;

/** Tensors by name, wherever they lie. */
export interface TensorStore {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /**
   * The tensor as float32.
   * @throws BadInputError `WEIGHTS_NON_FINITE` naming the tensor and the index of the first NaN or infinity;
   * `SAFETENSORS_INVALID` if the file shrank since it was opened.
   */
  read(name: string): Promise<Float32Array>;
  /** Where the tensor lies: an open file's descriptor, valid until `close`. */
  locate(name: string): { readonly descriptor: number; readonly entry: TensorEntry };
  close(): Promise<void>;
}

/**
 * Opens one safetensors file and validates its whole header before any data is touched. The file must be a regular one:
 * a link would let a submission name files outside its folder.
 * @throws BadInputError `SAFETENSORS_INVALID`, `SAFETENSORS_MISSING`.
 */
export async function openSafetensorsFile(path: string): Promise<TensorStore> {
  const file = basename(path);
  const handle = await openRegularFile(dirname(path), file, (problem) => invalidSafetensors(file, problem));
  if (!handle) throw new BadInputError('SAFETENSORS_MISSING', `there is no file ${file}`, { details: { file } });
  try {
    const stat = await handle.stat();
    const length = headerLength(file, await readRange(handle, file, 0, Math.min(8, stat.size)), stat.size);
    const header = await readRange(handle, file, 8, 8 + length);
    const entries = new Map(parseHeader(file, header, stat.size).map((entry) => [entry.name, entry]));
    return {
      entries,
      read: async (name) => readTensor(handle, file, requireEntry(entries, file, name)),
      locate: (name) => ({ descriptor: handle.fd, entry: requireEntry(entries, file, name) }),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function requireEntry(entries: ReadonlyMap<string, TensorEntry>, file: string, name: string): TensorEntry {
  const entry = entries.get(name);
  if (!entry) throw new BadInputError('TENSOR_MISSING', `${file} has no tensor ${name}`, { details: { tensor: name } });
  return entry;
}

async function readTensor(handle: FileHandle, file: string, entry: TensorEntry): Promise<Float32Array> {
  const size = DTYPE_BYTES[entry.dtype];
  const values = new Float32Array((entry.end - entry.begin) / size);
  // Chunks, because a Buffer holds 2 GiB at most and the raw bytes need not all be resident beside the floats.
  for (let begin = entry.begin; begin < entry.end; begin += CHUNK_BYTES) {
    const bytes = await readRange(handle, file, begin, Math.min(entry.end, begin + CHUNK_BYTES));
    const bad = decodeWeights(entry.dtype, bytes, values, (begin - entry.begin) / size);
    if (bad >= 0) {
      throw new BadInputError('WEIGHTS_NON_FINITE', `tensor ${entry.name} of ${file} is not finite at element ${bad}`, {
        details: { file, tensor: entry.name, element: bad },
      });
    }
  }
  return values;
}

async function readRange(handle: FileHandle, file: string, begin: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, begin + done);
    if (bytesRead === 0) throw invalidSafetensors(file, `it ends at byte ${begin + done}`);
    done += bytesRead;
  }
  return bytes;
}
