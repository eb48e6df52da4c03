import { readFileSync, statSync } from 'node:fs';
import { OperatorError } from '@tuning/kit';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { environmentLayer, flagLayer, mergeTrees, type Tree } from './layers.ts';
import type { Option } from './option.ts';

const MAX_CONFIG_BYTES = 1024 * 1024;

export interface ConfigSources {
  /** YAML file given with --config. */
  file?: string | undefined;
  env: NodeJS.ProcessEnv;
  /** Dotted key → text, or true. */
  flags: Readonly<Record<string, string | boolean>>;
}

/**
 * Defaults < YAML < environment < flags, validated and frozen.
 * @throws OperatorError CONFIG_INVALID naming the key, CONFIG_NOT_FOUND for the file.
 */
export function loadConfig<T extends z.ZodType>(
  schema: T,
  options: readonly Option[],
  sources: ConfigSources,
): z.infer<T> {
  const file = sources.file === undefined ? {} : readYamlFile(sources.file);
  const sections: Tree = {};
  for (const { key } of options) {
    const section = key.split('.')[0]!;
    if (key.includes('.')) sections[section] = {};
  }
  const tree = [file, environmentLayer(options, sources.env), flagLayer(options, sources.flags)].reduce(
    mergeTrees,
    sections,
  );
  const parsed = schema.safeParse(tree);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const key = issue.path.join('.');
    const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
    throw new OperatorError(
      'CONFIG_INVALID',
      missing && key !== ''
        ? `--${key} is not set: give it as a flag, as a key of the --config file or in the environment`
        : `the configuration is not valid: ${key === '' ? '' : `${key}: `}${issue.message}`,
    );
  }
  return deepFreeze(parsed.data);
}

function readYamlFile(file: string): Tree {
  let text: string;
  try {
    if (statSync(file).size > MAX_CONFIG_BYTES) throw new OperatorError('CONFIG_INVALID', `${file} is over 1 MiB`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError('CONFIG_NOT_FOUND', `can't read the config file ${file}: ${(error as Error).message}`);
  }
  const document = parseDocument(text);
  const fault = document.errors[0];
  if (fault) throw new OperatorError('CONFIG_INVALID', `${file} is not valid YAML: ${fault.message.split('\n')[0]}`);
  const value: unknown = document.toJS({ maxAliasCount: 0 }) ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new OperatorError('CONFIG_INVALID', `${file} must hold keys and values`);
  }
  return value as Tree;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
