import { readFileSync } from 'node:fs';
import { OperatorError, Secret } from '@tuning/kit';

/**
 * A secret from `NAME` or from the file that `NAME_FILE` names; never from a flag. White space around it is cut.
 * @throws OperatorError SECRET_UNREADABLE when the file can't be read.
 */
export function secretFromEnvironment(name: string, env: NodeJS.ProcessEnv): Secret | undefined {
  const direct = env[name]?.trim();
  if (direct) return new Secret(direct);
  const file = env[`${name}_FILE`];
  if (!file) return undefined;
  try {
    const text = readFileSync(file, 'utf8').trim();
    if (text === '') throw new Error('it is empty');
    return new Secret(text);
  } catch (error) {
    throw new OperatorError('SECRET_UNREADABLE', `can't read ${name}_FILE (${file}): ${(error as Error).message}`);
  }
}
