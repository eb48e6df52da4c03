import { BadInputError, errorMessage } from '@tuning/kit';
import { parse as parseYaml } from 'yaml';

/** The head of a README is small; parsing more YAML than this would hold the event loop. */
const MAX_README_CHARS = 256 * 1024;

/**
 * The YAML between the dashes at the top of a dataset's README.md; undefined where there is none.
 * @throws BadInputError `DATASET_BAD_README`.
 */
export function readmeHead(readme: string): unknown {
  const head = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---\s*(?:\r?\n|$)/.exec(readme.slice(0, MAX_README_CHARS));
  if (!head) return undefined;
  try {
    return parseYaml(head[1]!, { maxAliasCount: 100 }) ?? {};
  } catch (error) {
    const line = errorMessage(error).split('\n')[0]!.slice(0, 200);
    throw new BadInputError('DATASET_BAD_README', `README.md of the dataset has broken YAML: ${line}`);
  }
}
