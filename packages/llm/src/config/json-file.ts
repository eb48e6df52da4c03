import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { BadInputError } from '@tuning/kit';
import { duplicateKey } from '../safetensors/json-keys.ts';

/**
 * A JSON file of a model folder: a regular file, at most `maxBytes`, no key twice in one object.
 * @throws BadInputError `FILE_MISSING`, `FILE_INVALID`.
 */
export async function readJsonFile(dir: string, name: string, maxBytes: number): Promise<unknown> {
  const invalid = (problem: string) =>
    new BadInputError('FILE_INVALID', `${name}: ${problem}`, { details: { file: name, problem } });
  let handle: FileHandle;
  try {
    handle = await open(join(dir, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT')
      throw new BadInputError('FILE_MISSING', `there is no file ${name}`, { cause, details: { file: name } });
    if (code === 'ELOOP') throw invalid('it is a symbolic link');
    throw cause;
  }
  let text: string;
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw invalid('it is not a regular file');
    if (stat.size > maxBytes) throw invalid(`it has ${stat.size} bytes, allowed are ${maxBytes}`);
    text = await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('it is not JSON');
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) throw invalid(`the key ${JSON.stringify(twice.slice(0, 120))} occurs twice`);
  return value;
}
