import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '@tuning/kit';
import { ADAPTER_CONFIG_FILE } from '../adapter/adapter-config.ts';
import { ADAPTER_WEIGHTS_FILE } from '../adapter/adapter-plan.ts';
import type { WeightDtype } from '../safetensors/dtype.ts';
import { SINGLE_FILE } from '../safetensors/folder.ts';
import { writeSafetensors } from '../safetensors/write.ts';
import type { TrainedTensor } from './adamw.ts';
import type { LoraSettings } from './hyperparameters.ts';

/** Files of the base that go with any model made from it. */
const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'special_tokens_map.json'];
const CONFIG_FILES = ['config.json', 'generation_config.json'];

export interface ModelOutputArgs {
  readonly baseDir: string;
  readonly base: { readonly repo: string; readonly revision: string } | undefined;
  readonly lora: LoraSettings | undefined;
  readonly trained: readonly TrainedTensor[];
  /** The base's storage format of each weight, which a full model keeps. */
  readonly dtypes: ReadonlyMap<string, WeightDtype>;
  /** Replaced as a whole, so that it is there complete or not at all. */
  readonly dir: string;
}

/** Writes a PEFT adapter or a full model, with the base's tokenizer files. */
export async function writeModel(args: ModelOutputArgs): Promise<void> {
  const { dir, trained, lora } = args;
  const partial = `${dir}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const copied = lora === undefined ? [...CONFIG_FILES, ...TOKENIZER_FILES] : TOKENIZER_FILES;
  for (const name of copied) await copyIfThere(join(args.baseDir, name), join(partial, name));
  await writeSafetensors(
    join(partial, lora === undefined ? SINGLE_FILE : ADAPTER_WEIGHTS_FILE),
    trained.map(({ name, dims, values }) => ({
      name,
      shape: dims,
      dtype: args.dtypes.get(name) ?? 'F32',
      data: values,
    })),
  );
  if (lora !== undefined) {
    const text = JSON.stringify(adapterConfig(lora, args.base), null, 2);
    await writeFile(join(partial, ADAPTER_CONFIG_FILE), `${text}\n`);
  }
  await rm(dir, { recursive: true, force: true });
  await rename(partial, dir);
}

/** PEFT's `LoraConfig` as its `save_pretrained` writes it, with the keys that our adapters use. */
function adapterConfig(lora: LoraSettings, base: ModelOutputArgs['base']): unknown {
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base?.repo ?? '',
    revision: base?.revision ?? null,
    inference_mode: true,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout,
    target_modules: [...lora.targets],
    bias: 'none',
    fan_in_fan_out: false,
    init_lora_weights: true,
    modules_to_save: null,
    use_dora: false,
    use_rslora: false,
    rank_pattern: {},
    alpha_pattern: {},
    layers_to_transform: null,
    layers_pattern: null,
  };
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
