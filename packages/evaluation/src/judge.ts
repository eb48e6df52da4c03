import { readdir } from 'node:fs/promises';
import { BadInputError } from '@tuning/kit';
import {
  ADAPTER_CONFIG_FILE,
  compareWeights,
  configDifference,
  DeltaSketcher,
  holdWeights,
  type ModelConfig,
  modelTensors,
  openModelWeights,
  readAdapterConfig,
  readModelConfig,
  requireAdapterBase,
  type TensorSketch,
  type TensorStore,
  type WeightComparison,
  type WeightHolder,
  weightsDigest,
} from '@tuning/llm';
import type { Verdict } from '@tuning/protocol';
import { checkFineTune } from './fine-tune.ts';
import { verdictOfError } from './submission-error.ts';

export interface Base {
  readonly dir: string;
  readonly config: ModelConfig;
  readonly store: TensorStore;
}

/** Where and how weights are held; see `holdWeights`. */
export interface WeightSpace {
  readonly scratchDir: string;
  readonly mapped?: boolean | undefined;
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
  /** Effective weights; present where the verdict is undefined. Whoever takes them closes them. */
  readonly held?: WeightHolder;
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
  space: WeightSpace,
  sketchSeed?: Uint8Array,
): Promise<Judgement> {
  // A folder that is not there is our fault and throws.
  const isAdapter = (await readdir(dir)).includes(ADAPTER_CONFIG_FILE);
  const kind = isAdapter ? 'adapter' : 'full';
  const untouched = isAdapter ? await holdBase(base, space) : undefined;
  let held: WeightHolder;
  try {
    held = untouched ? await withAdapter(untouched, dir, expected) : await holdFull(base, dir, space);
  } catch (error) {
    const verdict = verdictOfError(error);
    if (!verdict) throw error;
    return { kind, verdict };
  }
  try {
    const found = await compareHeld(base, kind, held, sketchSeed);
    if (found.verdict) await held.close();
    return found;
  } catch (error) {
    await held.close();
    throw error;
  }
}

/** The base's own weights, as a submission's are held. @throws what is wrong with the base. */
export async function holdBase({ config, dir }: Base, space: WeightSpace): Promise<WeightHolder> {
  return holdWeights(config, await openModelWeights(config, dir), space);
}

async function withAdapter(
  untouched: WeightHolder,
  dir: string,
  expected: { repo: string; revision: string } | undefined,
): Promise<WeightHolder> {
  try {
    if (expected) requireAdapterBase(await readAdapterConfig(dir), expected);
  } catch (error) {
    await untouched.close();
    throw error;
  }
  return untouched.merge(dir);
}

async function compareHeld(
  { config, store }: Base,
  kind: Judgement['kind'],
  held: WeightHolder,
  sketchSeed: Uint8Array | undefined,
): Promise<Judgement> {
  const { weights } = held;
  const sketcher = sketchSeed && new DeltaSketcher(sketchSeed, modelTensors(config).size);
  const comparison = await compareWeights(config, store, weights, (...seen) => sketcher?.add(...seen));
  // Adapters too: whole tensors and wide pairs can put anything in the base's place.
  const verdict = checkFineTune(comparison);
  const found = { kind, verdict, weightsDigest: await weightsDigest(config, weights), comparison } as const;
  if (verdict) return found;
  return { ...found, held, ...(sketcher ? { sketch: sketcher.finish() } : {}) };
}

async function holdFull(base: Base, dir: string, space: WeightSpace): Promise<WeightHolder> {
  const difference = configDifference(base.config, await readModelConfig(dir));
  if (difference !== undefined) {
    const problem = 'differs from the base model';
    throw new BadInputError('MODEL_UNSUPPORTED', `config.json: ${difference} ${problem}`, {
      details: { key: difference, problem },
    });
  }
  const store = await openModelWeights(base.config, dir);
  try {
    requireDtypes(base.store, store);
  } catch (error) {
    await store.close();
    throw error;
  }
  return holdWeights(base.config, store, space);
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
