import { BadInputError } from '@tuning/kit';

/** A config that our graph cannot express. `key` and `problem` read as one sentence. */
export function unsupportedModel(key: string, problem: string): BadInputError {
  return new BadInputError('MODEL_UNSUPPORTED', `config.json: ${key} ${problem}`, { details: { key, problem } });
}
