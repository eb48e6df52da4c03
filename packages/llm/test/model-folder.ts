import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ModelConfig, type ModelWeights, modelTensors, type WeightDtype, writeSafetensors } from '../src/index.ts';
import { tokenizerJson, trainBpe } from '../src/train/bpe-trainer.ts';
import { TINY } from './reference-model.ts';

/** A model whose vocabulary holds three specials and all bytes. */
export const BYTES_MODEL: ModelConfig = { ...TINY, vocabularySize: 272 };

export const SPECIALS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];

/** config.json of a Llama model. */
export function configJson(config: ModelConfig): Record<string, unknown> {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    intermediate_size: config.intermediateSize,
    hidden_act: 'silu',
    rms_norm_eps: config.normEpsilon,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tied,
    max_position_embeddings: config.maxPositions,
    eos_token_id: 0,
  };
}

export async function writeWeights(
  path: string,
  config: ModelConfig,
  weights: ModelWeights,
  dtype: WeightDtype = 'F32',
): Promise<void> {
  const tensors = [...modelTensors(config)].map(([name, shape]) => ({ name, shape, dtype, data: weights.get(name)! }));
  await writeSafetensors(path, tensors);
}

/** A whole model folder: config, weights, byte-level tokenizer. */
export async function writeModelFolder(
  dir: string,
  config: ModelConfig,
  weights: ModelWeights,
  dtype: WeightDtype = 'F32',
): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'config.json'), JSON.stringify(configJson(config)));
  await writeFile(join(dir, 'tokenizer.json'), JSON.stringify(tokenizerJson(trainBpe([], 256), SPECIALS)));
  await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify({ bos_token: null, eos_token: SPECIALS[0] }));
  await writeWeights(join(dir, 'model.safetensors'), config, weights, dtype);
}

export interface AdapterFolder {
  /** A and B of each base weight, row-major [rank, in] and [out, rank]. */
  pairs: ReadonlyMap<string, { a: Float32Array; b: Float32Array }>;
  rank: number;
  config: Record<string, unknown>;
}

/** A PEFT LoRA folder. */
export async function writeAdapterFolder(dir: string, model: ModelConfig, adapter: AdapterFolder): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'adapter_config.json'), JSON.stringify(adapter.config));
  const shapes = modelTensors(model);
  const tensors = [...adapter.pairs].flatMap(([target, { a, b }]) => {
    const [out, inner] = shapes.get(target) as [number, number];
    const module = `base_model.model.${target.replace(/\.weight$/, '')}`;
    return [
      { name: `${module}.lora_A.weight`, shape: [adapter.rank, inner], dtype: 'F32' as const, data: a },
      { name: `${module}.lora_B.weight`, shape: [out, adapter.rank], dtype: 'F32' as const, data: b },
    ];
  });
  await writeSafetensors(join(dir, 'adapter_model.safetensors'), tensors);
}

/** adapter_config.json as PEFT 0.13 writes it for a plain LoRA. */
export function adapterConfigJson(base: { repo: string; revision: string | null }, rank: number, alpha: number) {
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: base.repo,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: alpha,
    lora_dropout: 0.05,
    megatron_config: null,
    megatron_core: 'megatron.core',
    modules_to_save: null,
    peft_type: 'LORA',
    r: rank,
    rank_pattern: {},
    revision: base.revision,
    target_modules: ['q_proj', 'down_proj'],
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
  };
}
