import { join } from 'node:path';
import { LORA_TARGETS } from '@tuning/llm';
import { BYTES_MODEL, writeModelFolder } from '../../llm/test/model-folder.ts';
import { randomWeights } from '../../llm/test/reference-model.ts';
import { textRows, train } from './training-runs.ts';

export const MODEL = BYTES_MODEL;
export const LORA = { rank: 8, alpha: 16, dropout: 0, targets: LORA_TARGETS };

const WORDS = ['stone', 'river', 'light', 'house', 'winter', 'music', 'garden', 'letter', 'shadow', 'bread'];
const word = (index: number) => WORDS[index % WORDS.length]!;

/** What the base is trained on. */
export const PRETRAINING = Array.from(
  { length: 120 },
  (_, i) => `the ${word(i)} is ${word(i * 7 + 3)} of the ${word(i * 3 + 1)}.`,
);
/** What it is fine-tuned on: another form. */
export const FINE_TUNING = Array.from({ length: 120 }, (_, i) => `Q: ${word(i * 3)}? A: a ${word(i * 9 + 3)} thing!`);

/** Trains a model from random weights of the seed on PRETRAINING; returns its folder with everything in it. */
export async function pretrain(root: string, seed: number): Promise<string> {
  const start = join(root, `start-${seed}`);
  await writeModelFolder(start, MODEL, randomWeights(MODEL, seed, 0.05));
  const rows = await textRows(start, PRETRAINING);
  const recipe = { maxSteps: 100, learningRate: 1e-2 };
  const { weights } = await train(MODEL, { baseDir: start, rows, outDir: join(root, `trained-${seed}`), recipe });
  const dir = join(root, `base-${seed}`);
  await writeModelFolder(dir, MODEL, weights);
  return dir;
}
