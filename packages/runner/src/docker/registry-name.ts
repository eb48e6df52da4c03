import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from '../registry.ts';

const nameSchema = z.strictObject({ name: z.string().regex(/^[0-9a-f]{12}$/) });

/** What tells this registry's containers from those of every other on the engine; made once and kept in `docker.json`. */
export async function registryName(root: string): Promise<string> {
  const file = join(root, 'docker.json');
  const known = await readJson(file, nameSchema);
  if (known) return known.name;
  const name = randomBytes(6).toString('hex');
  await writeJson(file, { name });
  return name;
}
