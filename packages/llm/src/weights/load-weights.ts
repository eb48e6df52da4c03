import { join } from 'node:path';
import { BadInputError } from '@tuning/kit';
import { type AdapterConfig, readAdapterConfig } from '../adapter/adapter-config.ts';
import { ADAPTER_WEIGHTS_FILE, adapterPairs, addLowRank } from '../adapter/adapter-tensors.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { modelTensors } from '../config/tensors.ts';
import { openSafetensorsFile } from '../safetensors/file.ts';
import { openSafetensors } from '../safetensors/folder.ts';
import { readWeights } from './model-weights.ts';

/** Where weights come from: a folder with the whole model, or a PEFT LoRA adapter on top of a base folder. */
export type WeightSource =
  | { readonly kind: 'full'; readonly dir: string }
  | { readonly kind: 'adapter'; readonly baseDir: string; readonly dir: string };

/**
 * The effective weights as float32; an adapter is merged into its base. Whether an adapter names the right base is
 * checked by `requireAdapterBase`, not here.
 * @throws BadInputError of the safetensors reader, `TENSOR_MISMATCH`, `WEIGHTS_NON_FINITE`, `ADAPTER_UNSUPPORTED`.
 */
export async function loadWeights(config: ModelConfig, source: WeightSource): Promise<Map<string, Float32Array>> {
  const store = await openSafetensors(source.kind === 'full' ? source.dir : source.baseDir);
  try {
    const weights = await readWeights(config, store);
    if (source.kind === 'adapter') await mergeAdapter(config, weights, source.dir);
    return weights;
  } finally {
    await store.close();
  }
}

/** Adds the adapter in `dir` to `weights` in place. @throws as `loadWeights`. */
export async function mergeAdapter(
  config: ModelConfig,
  weights: ReadonlyMap<string, Float32Array>,
  dir: string,
): Promise<void> {
  const settings = await readAdapterConfig(dir);
  const adapter = await openSafetensorsFile(join(dir, ADAPTER_WEIGHTS_FILE));
  try {
    for (const [target, { a, b }] of adapterPairs(settings, adapter, modelTensors(config))) {
      const weight = weights.get(target)!;
      addLowRank(weight, await adapter.read(a), await adapter.read(b), settings.rank, settings.scaling);
      const bad = weight.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) {
        throw new BadInputError(
          'WEIGHTS_NON_FINITE',
          `${target} is not finite at element ${bad} with the adapter merged`,
          {
            details: { file: ADAPTER_WEIGHTS_FILE, tensor: target, element: bad },
          },
        );
      }
    }
  } finally {
    await adapter.close();
  }
}

/**
 * An adapter must name the base it is judged on; a revision need not be named, but if it is it must be the same.
 * @throws BadInputError `ADAPTER_BASE_MISMATCH`.
 */
export function requireAdapterBase(config: AdapterConfig, expected: { repo: string; revision: string }): void {
  const { baseRepo, baseRevision } = config;
  const wrong = baseRepo !== expected.repo ? baseRepo : baseRevision;
  if (baseRepo === expected.repo && (baseRevision === undefined || baseRevision === expected.revision)) return;
  throw new BadInputError(
    'ADAPTER_BASE_MISMATCH',
    `the adapter belongs to ${String(wrong).slice(0, 200)}, the task's base is ${expected.repo}@${expected.revision}`,
    { details: { baseRepo: baseRepo.slice(0, 200), baseRevision: baseRevision ?? '' } },
  );
}
