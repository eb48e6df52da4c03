import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pickTrainFiles, readDataset, toJsonLines } from '@tuning/dataset';
import { type CurvePoint, curvePointSchema } from '@tuning/protocol';
import { expect } from 'vitest';
import { loadRecipe, type Recipe, recipeYaml } from '../src/index.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const baseDir = join(root, 'packages/devnet/assets/tiny-llama');
const qaDir = join(root, 'packages/devnet/assets/wordnet-qa');
/** Rows at the head of the demo's dataset that no job trains on. */
export const TEST_ROWS = 100;
export const datasetType = {
  field_instruction: 'instruction',
  field_input: 'input',
  field_output: 'output',
  format: 'Question: {instruction} ({input})\nAnswer: ',
  no_input_format: 'Question: {instruction}\nAnswer: ',
};

/** The demo dataset through the door that a customer's comes through: the card names the file. */
export async function demoRows() {
  const files = ['LICENSE', 'README.md', 'data/train.jsonl'];
  const picked = pickTrainFiles(files, await readFile(join(qaDir, 'README.md'), 'utf8'));
  expect(picked).toEqual([{ path: 'data/train.jsonl', format: 'json' }]);
  return (await readDataset({ path: join(qaDir, 'data/train.jsonl'), format: 'json' })).rows;
}

/** A job folder of the devnet's model and rows of its dataset, ready for a trainer; its recipe. */
export async function prepareDemoJob(
  dir: string,
  overrides: Record<string, unknown>,
  { rows = 900, ...task }: { sequenceLen: number; finishBy?: number; rows?: number; baseRevision?: string },
): Promise<Recipe> {
  await mkdir(join(dir, 'data'), { recursive: true });
  await cp(baseDir, join(dir, 'model'), { recursive: true });
  const used = (await demoRows()).slice(TEST_ROWS, TEST_ROWS + rows);
  await writeFile(join(dir, 'data/train.jsonl'), toJsonLines(used));
  const recipe = loadRecipe({
    baseFile: join(root, 'configs/base.yml'),
    overrides,
    task: { datasetType, seed: 3, baseRepo: 'demo/tiny-llama', baseRevision: 'c'.repeat(40), ...task },
  });
  await writeFile(join(dir, 'recipe.yml'), recipeYaml(recipe));
  return recipe;
}

/** The loss curve that a trainer wrote. */
export async function curveOf(dir: string): Promise<CurvePoint[]> {
  const text = await readFile(join(dir, 'out/log.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => curvePointSchema.parse(JSON.parse(line)));
}
