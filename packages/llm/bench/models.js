// The models of the benches: random weights in the shapes of real ones, in a folder that transformers loads as well.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelTensors, parseModelConfig, writeSafetensors } from '@tuning/llm';

/** Llama configs: the devnet's model and SmolLM2-135M's shape. */
export const MODELS = {
  tiny: {
    vocab_size: 4096,
    hidden_size: 128,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 384,
  },
  '135m': {
    vocab_size: 49_152,
    hidden_size: 576,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    intermediate_size: 1536,
  },
};

/** Writes config and weights. @returns the number of parameters */
export async function writeModel(dir, name) {
  const json = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    max_position_embeddings: 2048,
    tie_word_embeddings: true,
    attention_bias: false,
    mlp_bias: false,
    bos_token_id: 0,
    eos_token_id: 0,
    torch_dtype: 'float32',
    ...MODELS[name],
  };
  await writeFile(join(dir, 'config.json'), JSON.stringify(json));
  let parameters = 0;
  // Really random: onnxruntime keeps one copy of identical weights, which would flatter the memory.
  const tensors = [...modelTensors(parseModelConfig(json))].map(([tensor, shape]) => {
    const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
    for (let i = 0; i < data.length; i++) data[i] = shape.length === 1 ? 1 : (Math.random() - 0.5) * 0.14;
    parameters += data.length;
    return { name: tensor, shape, dtype: 'F32', data };
  });
  await writeSafetensors(join(dir, 'model.safetensors'), tensors);
  return parameters;
}

/** Rows of random ids. A row that predicts `tokens` tokens has one id more. */
export async function writeRows(file, { rows, ids, vocabulary }) {
  const row = () => Array.from({ length: ids }, () => Math.floor(Math.random() * vocabulary));
  await writeFile(file, JSON.stringify(Array.from({ length: rows }, row)));
}

/** What `writeRows` wrote, as a measurer takes it. */
export async function readRows(file) {
  return JSON.parse(await readFile(file, 'utf8')).map((ids, row) => {
    const typed = Int32Array.from(ids);
    return { row, ids: typed, labels: typed };
  });
}

/** Queries of a block of attention, whose keys reach to its end; as graph/block-attention.ts has it. */
const BLOCK = 64;

/**
 * Floating-point operations per token of a forward pass with all logits. Attention counts as our graph computes it, little
 * more than the half that is not masked, and the embedding once, as the tied head.
 */
export const flopsPerToken = (name, parameters, tokens) =>
  2 * parameters + 2 * (tokens + BLOCK) * MODELS[name].hidden_size * MODELS[name].num_hidden_layers;
