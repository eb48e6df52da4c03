import { readdir } from 'node:fs/promises';
import { BadInputError } from '@tuning/kit';
import {
  ADAPTER_CONFIG_FILE,
  compareWeights,
  configDifference,
  DeltaSketcher,
  type ModelConfig,
  type ModelWeights,
  mergeAdapter,
  modelTensors,
  openSafetensors,
  readAdapterConfig,
  readModelConfig,
  readWeights,
  requireAdapterBase,
  type TensorSketch,
  type TensorStore,
  type WeightComparison,
  weightsDigest,
} from '@tuning/llm';
import type { Verdict } from '@tuning/protocol';
import { checkFineTune } from './fine-tune.ts';
import { verdictOfError } from './submission-error.ts';

export interface Base {
  readonly config: ModelConfig;
  readonly store: TensorStore;
}

export interface Judgement {
  readonly kind: 'full' | 'adapter';
  /** Undefined: fit to be measured. */
  readonly verdict: Verdict | undefined;
  readonly weightsDigest?: string;
  /** Present where the weights could be read. */
  readonly comparison?: WeightComparison;
  /** Present where a seed was given and the verdict is undefined. */
  readonly sketch?: readonly TensorSketch[];
  /** Effective weights; present where the verdict is undefined. */
  readonly weights?: ModelWeights;
}

/**
 * Reads a submission and checks it: structure, finite values, and that it is a fine-tune of the base. Used of it are its
 * tensors and a few numbers of its configs; the graph and the tokenizer are the base's.
 * @param sketchSeed 32 bytes; given, the change is sketched for comparison with other submissions.
 * @throws what reading the base throws; what is wrong with the submission is a verdict.
 */
export async function judgeSubmission(
  base: Base,
  dir: string,
  expected: { repo: string; revision: string } | undefined,
  sketchSeed?: Uint8Array,
): Promise<Judgement> {
  // A folder that is not there is our fault and throws.
  const isAdapter = (await readdir(dir)).includes(ADAPTER_CONFIG_FILE);
  const kind = isAdapter ? 'adapter' : 'full';
  const weights = isAdapter ? await readWeights(base.config, base.store) : new Map<string, Float32Array>();
  try {
    if (isAdapter) {
      if (expected) requireAdapterBase(await readAdapterConfig(dir), expected);
      await mergeAdapter(base.config, weights, dir);
    } else {
      for (const [name, data] of await readFull(base, dir)) weights.set(name, data);
    }
  } catch (error) {
    const verdict = verdictOfError(error);
    if (!verdict) throw error;
    return { kind, verdict };
  }
  const sketcher = sketchSeed && new DeltaSketcher(sketchSeed, modelTensors(base.config).size);
  const comparison = await compareWeights(base.config, base.store, weights, (...seen) => sketcher?.add(...seen));
  // Adapters too: whole tensors and wide pairs can put anything in the base's place.
  const verdict = checkFineTune(comparison);
  const found = { kind, verdict, weightsDigest: weightsDigest(base.config, weights), comparison } as const;
  if (verdict) return found;
  return { ...found, weights, ...(sketcher ? { sketch: sketcher.finish() } : {}) };
}

async function readFull(base: Base, dir: string): Promise<Map<string, Float32Array>> {
  const difference = configDifference(base.config, await readModelConfig(dir));
  if (difference !== undefined) {
    const problem = 'differs from the base model';
    throw new BadInputError('MODEL_UNSUPPORTED', `config.json: ${difference} ${problem}`, {
      details: { key: difference, problem },
    });
  }
  const store = await openSafetensors(dir);
  try {
    requireDtypes(base.store, store);
    return await readWeights(base.config, store);
  } finally {
    await store.close();
  }
}

/** As the base, or float32: a wider copy loses nothing, while another 16-bit format would round what was trained. */
function requireDtypes(base: TensorStore, submission: TensorStore): void {
  for (const { name, dtype } of submission.entries.values()) {
    const expected = base.entries.get(name)?.dtype;
    if (expected === undefined || dtype === expected || dtype === 'F32') continue;
    throw new BadInputError('TENSOR_MISMATCH', `tensor ${name} is ${dtype}, the base has ${expected} (or use F32)`, {
      details: { tensor: name, dtype, expected },
    });
  }
}
