// Base, data and honest fine-tunes of the experiments.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tokenise } from '@tuning/dataset';
import {
  compareWeights,
  createMeasurer,
  DeltaSketcher,
  loadTokenizer,
  loadWeights,
  modelTensors,
  openSafetensors,
  readModelConfig,
  trainModel,
} from '@tuning/llm';

const QUESTIONS = { field_instruction: 'instruction', field_input: 'input', field_output: 'output' };
/** Any 32 bytes: in a task they are secret. */
const SKETCH_SEED = new Uint8Array(32).fill(9);

async function jsonLines(path) {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** @param assets the devnet's assets */
export async function openField(assets) {
  const baseDir = join(assets, 'tiny-llama');
  const config = await readModelConfig(baseDir);
  const tokenizer = await loadTokenizer(baseDir);
  const questions = await jsonLines(join(assets, 'wordnet-qa', 'data', 'train.jsonl'));
  const rowsOf = (list, type) => tokenise(list, type, tokenizer, 64).rows;
  const field = {
    baseDir,
    config,
    shapes: modelTensors(config),
    base: await loadWeights(config, { kind: 'full', dir: baseDir }),
    data: {
      questions: rowsOf(questions.slice(0, 640), QUESTIONS),
      'few-questions': rowsOf(questions.slice(0, 256), QUESTIONS),
      'other-questions': rowsOf(questions.slice(1_000, 1_640), QUESTIONS),
      text: rowsOf(
        questions.slice(0, 640).map(({ output }) => ({ text: output })),
        'completion',
      ),
    },
    test: rowsOf(questions.slice(3_000, 3_064), QUESTIONS),
  };
  field.baseRows = await rowsOfModel(field, field.base);
  return field;
}

async function rowsOfModel({ config, test }, weights) {
  return (await createMeasurer(config, weights).measure(test)).rows;
}

export async function train({ baseDir, data, config }, { hyperparameters, seed, data: name }, outDir, from = baseDir) {
  const { finalLoss } = await trainModel({
    baseDir: from,
    base: { repo: 'me/base', revision: 'a'.repeat(40) },
    rows: data[name],
    recipe: hyperparameters,
    outDir,
    seed,
    onStep: () => {},
  });
  const dir = join(outDir, 'model');
  const source = hyperparameters.lora ? { kind: 'adapter', baseDir: from, dir } : { kind: 'full', dir };
  return { weights: await loadWeights(config, source), finalLoss };
}

/** What the sealed job finds out about the weights of one submission. */
export async function compare({ config, baseDir, shapes }, weights) {
  const sketcher = new DeltaSketcher(SKETCH_SEED, shapes.size);
  const store = await openSafetensors(baseDir);
  const comparison = await compareWeights(config, store, weights, (...seen) => sketcher.add(...seen));
  await store.close();
  return { comparison, sketch: sketcher.finish() };
}

/** And about its losses. */
export async function measure(field, weights) {
  const rows = await rowsOfModel(field, weights);
  const sum = (list) => list.reduce((total, value) => total + value, 0);
  return { rows, loss: sum(rows.sumNll) / sum(rows.tokens) };
}
