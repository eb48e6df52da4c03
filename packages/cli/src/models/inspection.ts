import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, errorMessage, isTuningError } from '@tuning/kit';
import {
  ADAPTER_CONFIG_FILE,
  ADAPTER_WEIGHTS_FILE,
  compareWeights,
  loadWeights,
  openModelWeights,
  openSafetensors,
  openSafetensorsFile,
  parseModelConfig,
  readAdapterConfig,
  readJsonFile,
  readModelConfig,
  type TensorStore,
} from '@tuning/llm';
import { LIMITS } from '@tuning/protocol';
import { z } from 'zod';

/** What the inspection job is given. */
export const inspectionInputSchema = z.strictObject({ dir: z.string(), baseDir: z.string().optional() });

/** What is wrong with a model or cannot be told of it: a stable code, and one sentence. */
const problemSchema = z.strictObject({ code: z.string().max(64), message: z.string().max(2_000) });
export type Problem = z.infer<typeof problemSchema>;

const tensorSchema = z.strictObject({
  name: z.string(),
  dtype: z.string(),
  shape: z.array(z.number().int()),
  /** Root of the mean square of the elements; null where the tensor is not finite. */
  rms: z.number().nullable(),
  /** Largest magnitude; null where the tensor is not finite. */
  max: z.number().nullable(),
});
export type InspectedTensor = z.infer<typeof tensorSchema>;

const changeSchema = z.strictObject({ name: z.string(), relative: z.number(), cosine: z.number() });
export type TensorDelta = z.infer<typeof changeSchema>;

/** What `tuning inspect` finds in a model's folder. */
export const inspectionSchema = z.strictObject({
  kind: z.enum(['full', 'adapter']),
  files: z.array(z.string()),
  /** Keys of config.json or adapter_config.json that describe the model, as they stand there. */
  config: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  parameters: z.number(),
  bytes: z.number(),
  tensors: z.array(tensorSchema),
  /** Why the model cannot be measured, damage in its files; empty where all is well. */
  problems: z.array(problemSchema),
  /** Change of each weight against the base; absent without a base, and where the two cannot be compared. */
  changes: z.array(changeSchema).optional(),
  relative: z.number().optional(),
});
export type Inspection = z.infer<typeof inspectionSchema>;

/** Config values that a reader wants to see; whatever else a stranger writes there stays in its file. */
const SHOWN = [
  'model_type',
  'vocab_size',
  'hidden_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'head_dim',
  'intermediate_size',
  'max_position_embeddings',
  'tie_word_embeddings',
  'torch_dtype',
  'dtype',
  'base_model_name_or_path',
  'revision',
  'peft_type',
  'r',
  'lora_alpha',
  'use_rslora',
  'use_dora',
];

/**
 * Reads a model's files and says what is in them. Works for any safetensors model; only whether it can be measured, and
 * the comparison, depend on its family. Reads every byte, one tensor at a time: for a sealed job.
 * @throws only what reading the base throws, or a folder that is not there.
 */
export async function inspectModel(
  dir: string,
  baseDir: string | undefined,
  onProgress: (doneTensors: number, totalTensors: number) => void,
): Promise<Inspection> {
  const files = (await readdir(dir)).sort();
  const kind = files.includes(ADAPTER_CONFIG_FILE) ? 'adapter' : 'full';
  const problems: Problem[] = [];
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!isTuningError(error)) throw error;
      const problem = { code: errorCode(error)!, message: errorMessage(error).slice(0, 2_000) };
      if (!problems.some(({ message }) => message === problem.message)) problems.push(problem);
      return undefined;
    }
  };
  const configFile = kind === 'adapter' ? ADAPTER_CONFIG_FILE : 'config.json';
  const json = await attempt(() => readJsonFile(dir, configFile, LIMITS.jsonFileBytes));
  if (json !== undefined) {
    await attempt(async () => (kind === 'adapter' ? readAdapterConfig(dir) : parseModelConfig(json)));
  }
  const store = await attempt(() =>
    kind === 'adapter' ? openSafetensorsFile(join(dir, ADAPTER_WEIGHTS_FILE)) : openSafetensors(dir),
  );
  const tensors = store ? await readTensors(store, attempt, onProgress) : [];
  const found = {
    kind,
    files,
    config: shownConfig(json),
    parameters: tensors.reduce((sum, { shape }) => sum + elements(shape), 0),
    bytes: [...(store?.entries.values() ?? [])].reduce((sum, { begin, end }) => sum + end - begin, 0),
    tensors,
    problems,
  } as const;
  if (baseDir === undefined || !store) return found;
  const compared = await attempt(() => compare(kind, dir, baseDir));
  if (!compared) return found;
  const changes = compared.tensors.map(({ name, relative, cosine }) => ({ name, relative, cosine }));
  return { ...found, changes, relative: compared.relative };
}

async function readTensors(
  store: TensorStore,
  attempt: <T>(work: () => Promise<T>) => Promise<T | undefined>,
  onProgress: (doneTensors: number, totalTensors: number) => void,
): Promise<InspectedTensor[]> {
  const tensors: InspectedTensor[] = [];
  try {
    for (const { name, dtype, shape } of store.entries.values()) {
      const values = await attempt(() => store.read(name));
      tensors.push({ name, dtype, shape: [...shape], ...size(values) });
      onProgress(tensors.length, store.entries.size);
    }
  } finally {
    await store.close();
  }
  return tensors;
}

function size(values: Float32Array | undefined): { rms: number | null; max: number | null } {
  if (!values) return { rms: null, max: null };
  let squares = 0;
  let max = 0;
  for (const value of values) {
    squares += value * value;
    max = Math.max(max, Math.abs(value));
  }
  return { rms: values.length === 0 ? 0 : Math.sqrt(squares / values.length), max };
}

async function compare(kind: Inspection['kind'], dir: string, baseDir: string) {
  const config = await readModelConfig(baseDir);
  const base = await openModelWeights(config, baseDir);
  try {
    return await compareWeights(config, base, await loadWeights(config, { kind, dir, baseDir }));
  } finally {
    await base.close();
  }
}

function shownConfig(json: unknown): Inspection['config'] {
  const config: Inspection['config'] = {};
  const raw = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const architectures = raw['architectures'];
  if (Array.isArray(architectures)) config['architectures'] = architectures.join(', ').slice(0, 200);
  for (const key of SHOWN) {
    const value = raw[key];
    if (typeof value === 'string') config[key] = value.slice(0, 200);
    else if (typeof value === 'number' || typeof value === 'boolean') config[key] = value;
  }
  return config;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
