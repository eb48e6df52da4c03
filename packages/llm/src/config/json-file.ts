import { BadInputError } from '@tuning/kit';
import { duplicateKey, isTooDeep, MAX_JSON_DEPTH } from '../safetensors/json-keys.ts';
import { openRegularFile, readAtMost } from '../safetensors/regular-file.ts';

/**
 * A JSON file of a model folder: a regular file, at most `maxBytes`, no key twice in one object.
 * @throws BadInputError `FILE_MISSING`, `FILE_INVALID`.
 */
export async function readJsonFile(dir: string, name: string, maxBytes: number): Promise<unknown> {
  const invalid = (problem: string) =>
    new BadInputError('FILE_INVALID', `${name}: ${problem}`, { details: { file: name, problem } });
  const handle = await openRegularFile(dir, name, invalid);
  if (!handle) throw new BadInputError('FILE_MISSING', `there is no file ${name}`, { details: { file: name } });
  let text: string;
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw invalid(`it has ${size} bytes, allowed are ${maxBytes}`);
    const bytes = await readAtMost(handle, maxBytes);
    if (!bytes) throw invalid(`it grew over ${maxBytes} bytes while it was read`);
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw invalid('it is not UTF-8');
    throw error;
  } finally {
    await handle.close();
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('it is not JSON');
  }
  if (isTooDeep(text)) throw invalid(`it is nested deeper than ${MAX_JSON_DEPTH}`);
  const twice = duplicateKey(text);
  if (twice !== undefined) throw invalid(`the key ${JSON.stringify(twice.slice(0, 120))} occurs twice`);
  return value;
}
