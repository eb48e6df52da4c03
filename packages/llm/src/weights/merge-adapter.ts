import { join } from 'node:path';
import { BadInputError } from '@tuning/kit';
import { type AdapterConfig, readAdapterConfig, unsupportedAdapter } from '../adapter/adapter-config.ts';
import { ADAPTER_WEIGHTS_FILE, type AdapterPair, adapterPlan } from '../adapter/adapter-plan.ts';
import { addLowRank, transposed } from '../adapter/low-rank.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { embeddingName, headName } from '../config/tensors.ts';
import { openSafetensorsFile, type TensorStore } from '../safetensors/file.ts';
import type { WeightReader } from './model-weights.ts';

/**
 * Applies the adapter in `dir` to the base's `weights` in place: whole tensors first, then pairs.
 * @throws as `mergedTensors`.
 */
export async function mergeAdapter(
  config: ModelConfig,
  weights: ReadonlyMap<string, Float32Array>,
  dir: string,
): Promise<void> {
  await mergedTensors(config, weights, dir, async (name, values) => {
    // A pair was added in place.
    if (weights.get(name) !== values) weights.get(name)!.set(values);
  });
}

/**
 * The tensors that the adapter in `dir` changes, as they are with it, handed over one at a time. A tensor of `base` that
 * a pair is added to is overwritten.
 * @throws BadInputError of the safetensors reader, `TENSOR_MISMATCH`, `WEIGHTS_NON_FINITE`, `ADAPTER_UNSUPPORTED`.
 */
export async function mergedTensors(
  config: ModelConfig,
  base: WeightReader,
  dir: string,
  take: (name: string, values: Float32Array) => Promise<void>,
): Promise<void> {
  const settings = await readAdapterConfig(dir);
  const adapter = await openSafetensorsFile(join(dir, ADAPTER_WEIGHTS_FILE));
  try {
    const { pairs, replaced } = adapterPlan(settings, adapter, config);
    if (config.tied) await requireTied(config, settings, adapter, base, replaced);
    for (const target of new Set([...replaced.keys(), ...pairs.keys()])) {
      if (target === headName(config) && config.tied) continue;
      const whole = replaced.get(target);
      const values = whole === undefined ? (await base.get(target))! : await adapter.read(whole);
      const pair = pairs.get(target);
      if (pair) await addPair(adapter, target, values, pair);
      await take(target, values);
    }
  } finally {
    await adapter.close();
  }
}

async function addPair(adapter: TensorStore, target: string, weight: Float32Array, pair: AdapterPair): Promise<void> {
  const { rank, scaling } = pair;
  const a = await adapter.read(pair.a);
  const b = await adapter.read(pair.b);
  // (B·A)ᵀ = Aᵀ·Bᵀ
  if (pair.inputFirst) addLowRank(weight, transposed(b, b.length / rank), transposed(a, rank), rank, scaling);
  else addLowRank(weight, a, b, rank, scaling);
  const bad = weight.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  throw new BadInputError('WEIGHTS_NON_FINITE', `${target} is not finite at element ${bad} with the adapter merged`, {
    details: { file: ADAPTER_WEIGHTS_FILE, tensor: target, element: bad },
  });
}

/**
 * In a tied model embedding and head are one tensor. `modules_to_save` gives each a copy of its own: only where both are
 * there and equal is it still the base's architecture.
 */
async function requireTied(
  config: ModelConfig,
  { savedModules }: AdapterConfig,
  adapter: TensorStore,
  base: WeightReader,
  replaced: ReadonlyMap<string, string>,
): Promise<void> {
  const parted = (module: string) =>
    unsupportedAdapter('modules_to_save', `part ${module} from the tensor that the base ties it to`);
  const embedding = embeddingName(config);
  const head = replaced.get(headName(config));
  if (head !== undefined) {
    const values = await adapter.read(head);
    const whole = replaced.get(embedding);
    const tied = whole === undefined ? (await base.get(embedding))! : await adapter.read(whole);
    if (values.some((value, index) => value !== tied[index])) throw parted('the head');
  } else if (replaced.has(embedding) && savedModules.length > 0) {
    const module = embedding.replace(/\.weight$/, '');
    if (savedModules.some((name) => module.endsWith(name))) throw parted('the embedding');
  }
}

/**
 * An adapter must name the base it is judged on; a revision need not be named, but if it is it must be the same.
 * @throws BadInputError `ADAPTER_BASE_MISMATCH`.
 */
export function requireAdapterBase(
  config: Pick<AdapterConfig, 'baseRepo' | 'baseRevision'>,
  expected: { repo: string; revision: string },
): void {
  const { baseRepo, baseRevision } = config;
  const wrong = baseRepo !== expected.repo ? baseRepo : baseRevision;
  if (baseRepo === expected.repo && (baseRevision === undefined || baseRevision === expected.revision)) return;
  throw new BadInputError(
    'ADAPTER_BASE_MISMATCH',
    `the adapter belongs to ${String(wrong).slice(0, 200)}, the task's base is ${expected.repo}@${expected.revision}`,
    { details: { baseRepo: baseRepo.slice(0, 200), baseRevision: baseRevision ?? '' } },
  );
}
