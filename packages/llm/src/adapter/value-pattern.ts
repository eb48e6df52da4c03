import { Pattern, type StepBudget } from './pattern.ts';

const PLAIN = /^[\w.]*$/;

/**
 * PEFT's `rank_pattern` and `alpha_pattern`: the value of the first key that matches a module's path as
 * `(.*\.)?(key)$`, in the file's order (`get_pattern_key` of utils/other.py), else `fallback`.
 * @throws PatternSyntaxError for a key that is not supported.
 */
export function valuePattern(
  table: Readonly<Record<string, number>>,
  fallback: number,
  budget: StepBudget,
): (module: string) => number {
  const entries = Object.entries(table).map(([key, value]) => ({ value, matches: keyMatcher(key, budget) }));
  return (module) => entries.find(({ matches }) => matches(module))?.value ?? fallback;
}

function keyMatcher(key: string, budget: StepBudget): (module: string) => boolean {
  const pattern = new Pattern(`(?:.*\\.)?(?:${key})`, budget);
  // Tables with an entry per module are common: the ends are compared first, a dot standing for anything.
  if (!PLAIN.test(key)) return (module) => pattern.matches(module);
  const last = key.slice(key.lastIndexOf('.') + 1);
  return (module) => module.endsWith(last) && pattern.matches(module);
}
