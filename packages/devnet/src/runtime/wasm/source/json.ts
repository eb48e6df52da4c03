import { BadInputError } from '@tuning/kit';

/** Strings and numbers of a JSON text; nothing else in it can hold digits. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const EXACT_DIGITS = 15;
const MARK = ' exact integer ';
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');

/**
 * JSON.parse that keeps integers beyond 2^53 (u64 and u128 balances of a genesis) as marked strings, to be given back by
 * `stringifyJson`. BadInputError CHAIN_SPEC_INVALID.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(
      text.replace(TOKENS, (token) =>
        token.startsWith('"') || token.length <= EXACT_DIGITS || !/^-?\d+$/.test(token) ? token : `"${MARK}${token}"`,
      ),
    );
  } catch (error) {
    throw new BadInputError('CHAIN_SPEC_INVALID', `no valid JSON: ${(error as Error).message}`, { cause: error });
  }
}

export function stringifyJson(value: unknown): string {
  return JSON.stringify(value).replace(MARKED, '$1');
}

/** Objects are merged key by key; everything else is replaced (as sc_chain_spec::json_merge). */
export function mergeJson(base: unknown, patch: unknown): unknown {
  if (!isTree(base) || !isTree(patch)) return patch;
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergeJson(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
