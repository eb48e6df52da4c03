import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { errorMessage, OperatorError } from '@tuning/kit';
import { parse } from 'yaml';

/** The defaults of every recipe, at the top level of the repository. */
export const BASE_RECIPE = fileURLToPath(new URL('../../../configs/base.yml', import.meta.url));

/**
 * The operator's own recipe keys.
 * @throws OperatorError RECIPE_UNREADABLE.
 */
export async function readRecipeOverrides(file: string | undefined): Promise<Record<string, unknown>> {
  if (file === undefined) return {};
  try {
    if ((await stat(file)).size > 1024 * 1024) throw new Error('it is over 1 MiB');
    const value: unknown = parse(await readFile(file, 'utf8'), { maxAliasCount: 0 }) ?? {};
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error('it must hold keys and values');
    return value as Record<string, unknown>;
  } catch (error) {
    throw new OperatorError('RECIPE_UNREADABLE', `can't read the recipe ${file}: ${errorMessage(error)}`);
  }
}
