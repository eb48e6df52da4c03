import { join } from 'node:path';
import { BadInputError } from '@tuning/kit';
import { type AdapterConfig, readAdapterConfig, unsupportedAdapter } from '../adapter/adapter-config.ts';
import { ADAPTER_WEIGHTS_FILE, type AdapterPair, adapterPlan } from '../adapter/adapter-plan.ts';
import { addLowRank, transposed } from '../adapter/low-rank.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { embeddingName, headName } from '../config/tensors.ts';
import { openSafetensorsFile, type TensorStore } from '../safetensors/file.ts';

/**
 * Applies the adapter in `dir` to the base's `weights` in place: whole tensors first, then pairs.
 * @throws BadInputError of the safetensors reader, `TENSOR_MISMATCH`, `WEIGHTS_NON_FINITE`, `ADAPTER_UNSUPPORTED`.
 */
export async function mergeAdapter(
  config: ModelConfig,
  weights: ReadonlyMap<string, Float32Array>,
  dir: string,
): Promise<void> {
  const settings = await readAdapterConfig(dir);
  const adapter = await openSafetensorsFile(join(dir, ADAPTER_WEIGHTS_FILE));
  try {
    const { pairs, replaced } = adapterPlan(settings, adapter, config);
    for (const [target, name] of replaced) {
      if (target !== headName(config) || !config.tied) weights.get(target)!.set(await adapter.read(name));
    }
    if (config.tied) await requireTied(config, settings, adapter, weights, replaced);
    for (const [target, pair] of pairs) await addPair(adapter, target, weights.get(target)!, pair);
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
  weights: ReadonlyMap<string, Float32Array>,
  replaced: ReadonlyMap<string, string>,
): Promise<void> {
  const parted = (module: string) =>
    unsupportedAdapter('modules_to_save', `part ${module} from the tensor that the base ties it to`);
  const embedding = embeddingName(config);
  const head = replaced.get(headName(config));
  if (head !== undefined) {
    const values = await adapter.read(head);
    if (values.some((value, index) => value !== weights.get(embedding)![index])) throw parted('the head');
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
