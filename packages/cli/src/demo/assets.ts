import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Hub } from '@tuning/hub';

export const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url));
const ASSETS = join(REPOSITORY, 'packages', 'devnet', 'assets');

/** The base model and the dataset of the demo, as the customer's order names them. */
export const BASE_MODEL = 'demo/tiny-llama';
export const DATASET = 'demo/wordnet-qa';

/** The customer's order; the columns are those of the dataset in packages/devnet/assets/wordnet-qa. */
export const DATASET_TYPE = {
  field_instruction: 'instruction',
  field_input: 'input',
  field_output: 'output',
  format: 'Question: {instruction} ({input})\nAnswer: ',
  no_input_format: 'Question: {instruction}\nAnswer: ',
} as const;

/** Puts the repository's base model and dataset on a hub, as their authors would. */
export async function publishAssets(hub: Hub, signal: AbortSignal): Promise<void> {
  for (const [type, repo, folder] of [
    ['model', BASE_MODEL, 'tiny-llama'],
    ['dataset', DATASET, 'wordnet-qa'],
  ] as const) {
    const root = join(ASSETS, folder);
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((content) => ({ path: relative(root, content), content }));
    await hub.publish({ type, repo, visibility: 'public', files, message: 'Publish the demo asset' }, { signal });
  }
}
