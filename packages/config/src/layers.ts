import { OperatorError } from '@tuning/kit';
import { envName, type Option } from './option.ts';

export type Tree = { [key: string]: unknown };

/** Sets `tree.a.b = value` for the key `a.b`. */
export function setKey(tree: Tree, key: string, value: unknown): void {
  const parts = key.split('.');
  const last = parts.pop()!;
  let node = tree;
  for (const part of parts) {
    const next = node[part];
    if (typeof next === 'object' && next !== null && !Array.isArray(next)) node = next as Tree;
    else {
      const made: Tree = {};
      node[part] = made;
      node = made;
    }
  }
  node[last] = value;
}

/** `over` wins; objects merge, everything else is replaced. Neither argument is changed. */
export function mergeTrees(base: Tree, over: Tree): Tree {
  const result: Tree = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = result[key];
    const both = isTree(before) && isTree(value);
    result[key] = both ? mergeTrees(before, value) : value;
  }
  return result;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Turns the text of a flag or an environment variable into the option's type. `source` names it in the error. */
export function parseText(option: Option, text: string, source: string): unknown {
  if (option.type === 'list') {
    return text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }
  if (option.type === 'number') {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value)) {
      throw new OperatorError('CONFIG_INVALID', `${source} must be a number, not "${text}"`);
    }
    return value;
  }
  if (option.type === 'boolean') {
    if (/^(1|true|yes|on)$/i.test(text)) return true;
    if (/^(0|false|no|off)$/i.test(text)) return false;
    throw new OperatorError('CONFIG_INVALID', `${source} must be true or false, not "${text}"`);
  }
  return text;
}

/** The layer that the environment gives. `TUNING_*` goes before the Bittensor and Hugging Face names. */
export function environmentLayer(options: readonly Option[], env: NodeJS.ProcessEnv): Tree {
  const tree: Tree = {};
  for (const option of options) {
    for (const variable of [envName(option.key), ...(option.env ?? [])]) {
      const text = env[variable];
      if (text === undefined || text === '') continue;
      setKey(tree, option.key, parseText(option, text, `the environment variable ${variable}`));
      break;
    }
  }
  return tree;
}

/** The layer that flags give: key → text, or true for a boolean flag. */
export function flagLayer(options: readonly Option[], flags: Readonly<Record<string, string | boolean>>): Tree {
  const tree: Tree = {};
  for (const option of options) {
    const value = flags[option.key];
    if (value === undefined) continue;
    setKey(tree, option.key, typeof value === 'string' ? parseText(option, value, `--${option.key}`) : value);
  }
  return tree;
}
