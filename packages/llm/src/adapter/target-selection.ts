import { Pattern, type StepBudget } from './pattern.ts';

/** PEFT's word for every linear layer but the head. */
const ALL_LINEAR = 'all-linear';

/** Names (PEFT: equal, or the end of the path after a dot) or one pattern (PEFT: `re.fullmatch`). */
export type ModuleMatcher = (module: string) => boolean;

/** The keys of PEFT's LoraConfig that say which modules carry a pair. */
export interface TargetKeys {
  readonly target_modules: string | readonly string[];
  readonly exclude_modules?: string | readonly string[] | null | undefined;
  readonly modules_to_save?: readonly string[] | null | undefined;
  readonly layers_to_transform?: number | readonly number[] | null | undefined;
  readonly layers_pattern?: string | readonly string[] | null | undefined;
}

/** A module of the base as PEFT sees it. */
export interface ModuleKind {
  readonly linear: boolean;
  readonly head: boolean;
}

/**
 * Whether a module (its path in the model, for instance `model.layers.0.self_attn.q_proj`) is one that PEFT 0.21 puts a
 * pair on: `check_target_module_exists` and `_maybe_include_all_linear_layers` of its tuners/tuners_utils.py.
 * @throws PatternSyntaxError for a pattern that is not supported.
 */
export function targetSelection(keys: TargetKeys, budget: StepBudget): (module: string, kind: ModuleKind) => boolean {
  const { target_modules: targets } = keys;
  const excluded = isGiven(keys.exclude_modules) ? matcherOf(keys.exclude_modules, budget) : () => false;
  const saved = keys.modules_to_save ?? [];
  const inside = (module: string, name: string) => `.${module}.`.includes(`.${name}.`);
  const allLinear = typeof targets === 'string' && targets.toLowerCase() === ALL_LINEAR;
  const matches = allLinear ? undefined : matcherOf(targets, budget);
  const inLayers = typeof targets === 'string' ? () => true : layerFilter(keys, budget);
  return (module, { linear, head }) => {
    if (excluded(module) || saved.some((name) => inside(module, name))) return false;
    if (!matches) return linear && !head;
    // PEFT looks at the layers only where the name alone did not decide.
    if (Array.isArray(targets) && targets.includes(module)) return true;
    return matches(module) && inLayers(module);
  };
}

function isGiven<T extends string | readonly unknown[]>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined && value.length > 0;
}

function matcherOf(names: string | readonly string[], budget: StepBudget): ModuleMatcher {
  if (typeof names === 'string') {
    const pattern = new Pattern(names, budget);
    return (module) => pattern.matches(module);
  }
  return (module) => names.some((name) => module === name || module.endsWith(`.${name}`));
}

/** Only modules inside one of the numbered layers; the first number of the path counts. */
function layerFilter(keys: TargetKeys, budget: StepBudget): ModuleMatcher {
  const { layers_to_transform: layers, layers_pattern: lists } = keys;
  if (layers === null || layers === undefined || (Array.isArray(layers) && layers.length === 0)) return () => true;
  const wanted = new Set(typeof layers === 'number' ? [layers] : layers);
  const names = isGiven(lists) ? (typeof lists === 'string' ? [lists] : lists) : [];
  const patterns = names.map((name) => new Pattern(`(?:.*\\.)?(?:${name})`, budget));
  return (module) => {
    const parts = module.split('.');
    for (let at = 1; at < parts.length - 1; at++) {
      if (!/^\d{1,9}$/.test(parts[at]!)) continue;
      // Without a pattern PEFT wants something before the name of the list.
      const list = parts.slice(0, at).join('.');
      if (names.length === 0 ? at < 2 : !patterns.some((pattern) => pattern.matches(list))) continue;
      return wanted.has(Number(parts[at]));
    }
    return false;
  };
}
