import { BadInputError } from '@tuning/kit';
import { LIMITS } from '@tuning/protocol';
import { z } from 'zod';
import { isDerivedTensor } from '../config/tensors.ts';
import { DTYPE_BYTES, WEIGHT_DTYPES, type WeightDtype } from './dtype.ts';
import { duplicateKey, isTooDeep, MAX_JSON_DEPTH } from './json-keys.ts';

/** One tensor of a file; `begin` and `end` are byte offsets from the start of the FILE. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: WeightDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Enough for a mixture of experts with hundreds of layers. */
const MAX_TENSORS = 100_000;
const dimension = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31);
/** Formats of the causal masks that old checkpoints carry; such a tensor is left out, if it is one that is never used. */
const MASK_DTYPES = ['U8', 'BOOL'] as const;
const entrySchema = z.strictObject({
  dtype: z.enum([...WEIGHT_DTYPES, ...MASK_DTYPES]),
  shape: z.array(dimension).max(8),
  data_offsets: z.tuple([z.number().int().min(0), z.number().int().min(0)]),
});
const metadataSchema = z.record(z.string(), z.string());

export function invalidSafetensors(file: string, problem: string): BadInputError {
  return new BadInputError('SAFETENSORS_INVALID', `${file} is not a valid safetensors file: ${problem}`, {
    details: { file, problem },
  });
}

/** Length of the JSON header from the first 8 bytes. @throws BadInputError `SAFETENSORS_INVALID`. */
export function headerLength(file: string, first: Uint8Array, fileBytes: number): number {
  if (first.length < 8) throw invalidSafetensors(file, `it has ${fileBytes} bytes, too few for a header`);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(LIMITS.safetensorsHeaderBytes)) {
    throw invalidSafetensors(file, `the header claims ${length} bytes, allowed are ${LIMITS.safetensorsHeaderBytes}`);
  }
  if (8n + length > BigInt(fileBytes)) {
    throw invalidSafetensors(file, `the header claims ${length} bytes, the file has ${fileBytes}`);
  }
  return Number(length);
}

/**
 * Checks and parses a header: no duplicate keys, only F32, F16 and BF16 (masks of old checkpoints are left out), length = elements × size, tensors contiguous
 * from the first data byte to the last byte of the file, no overlap, no gap.
 * @throws BadInputError `SAFETENSORS_INVALID` saying what is wrong.
 */
export function parseHeader(file: string, header: Uint8Array, fileBytes: number): TensorEntry[] {
  const parsed = parseJson(file, header);
  const entries: HeaderEntry[] = [];
  const dataStart = 8 + header.length;
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') {
      if (!metadataSchema.safeParse(value).success)
        throw invalidSafetensors(file, '__metadata__ holds more than strings');
      continue;
    }
    entries.push(parseEntry(file, name, value, dataStart));
    if (entries.length > MAX_TENSORS) throw invalidSafetensors(file, `it has more than ${MAX_TENSORS} tensors`);
  }
  checkLayout(file, entries, dataStart, fileBytes);
  return entries.filter((entry): entry is TensorEntry => !isMask(entry.dtype));
}

type MaskDtype = (typeof MASK_DTYPES)[number];
type HeaderEntry = Omit<TensorEntry, 'dtype'> & { readonly dtype: WeightDtype | MaskDtype };

function isMask(dtype: WeightDtype | MaskDtype): dtype is MaskDtype {
  return MASK_DTYPES.some((mask) => mask === dtype);
}

function parseJson(file: string, header: Uint8Array): Record<string, unknown> {
  let json: string;
  let parsed: unknown;
  try {
    json = new TextDecoder('utf-8', { fatal: true }).decode(header);
    parsed = JSON.parse(json);
  } catch {
    throw invalidSafetensors(file, 'the header is not UTF-8 JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalidSafetensors(file, 'the header is not a JSON object');
  }
  if (isTooDeep(json)) throw invalidSafetensors(file, `the header is nested deeper than ${MAX_JSON_DEPTH}`);
  const twice = duplicateKey(json);
  if (twice !== undefined) throw invalidSafetensors(file, `the header names ${JSON.stringify(short(twice))} twice`);
  return parsed as Record<string, unknown>;
}

function parseEntry(file: string, name: string, value: unknown, dataStart: number): HeaderEntry {
  if (name.length > 512) throw invalidSafetensors(file, `a tensor name has ${name.length} characters`);
  const result = entrySchema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw invalidSafetensors(file, `tensor ${short(name)}: ${issue.path.join('.')} ${issue.message}`);
  }
  const { dtype, shape, data_offsets } = result.data;
  if (isMask(dtype) && !isDerivedTensor(name)) {
    throw invalidSafetensors(file, `tensor ${short(name)} is ${dtype}, weights are ${WEIGHT_DTYPES.join(', ')}`);
  }
  const [begin, end] = data_offsets;
  const bytes = shape.reduce((product, size) => product * size, isMask(dtype) ? 1 : DTYPE_BYTES[dtype]);
  if (end - begin !== bytes) {
    throw invalidSafetensors(
      file,
      `tensor ${short(name)}: ${dtype} [${shape}] needs ${bytes} bytes, the offsets span ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

function checkLayout(file: string, entries: readonly HeaderEntry[], dataStart: number, fileBytes: number): void {
  let at = dataStart;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) {
      const what = begin < at ? 'overlaps the tensor before it' : `leaves a gap of ${begin - at} bytes before it`;
      throw invalidSafetensors(file, `tensor ${short(name)} ${what}`);
    }
    at = end;
  }
  if (at !== fileBytes) throw invalidSafetensors(file, `the tensors end at byte ${at}, the file at ${fileBytes}`);
}

function short(name: string): string {
  return name.length > 120 ? `${name.slice(0, 120)}…` : name;
}
