import { open } from 'node:fs/promises';
import { encodeWeights, type WeightDtype } from './dtype.ts';

export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: WeightDtype;
  readonly data: Float32Array;
}

/**
 * Writes one safetensors file (https://github.com/huggingface/safetensors#format): header padded with spaces to a
 * multiple of 8, tensors in the order given, `{"format":"pt"}` as metadata as PyTorch-side loaders expect. The file is
 * synced before this resolves; writing under the final name is the caller's choice.
 */
export async function writeSafetensors(path: string, tensors: readonly TensorToWrite[]): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let at = 0;
  for (const { name, shape, dtype, data } of tensors) {
    if (shape.reduce((product, size) => product * size, 1) !== data.length) {
      throw new RangeError(`tensor ${name}: [${shape}] does not hold ${data.length} elements`);
    }
    if (Object.hasOwn(header, name)) throw new RangeError(`tensor ${name} is given twice`);
    const bytes = data.length * (dtype === 'F32' ? 4 : 2);
    header[name] = { dtype, shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(padded);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const file = await open(path, 'w', 0o644);
  try {
    await file.writeFile(Buffer.concat([length, padded]));
    for (const { dtype, data } of tensors) await file.writeFile(encodeWeights(dtype, data));
    await file.sync();
  } finally {
    await file.close();
  }
}
