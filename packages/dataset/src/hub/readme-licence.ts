import { z } from 'zod';
import { readmeHead } from './readme-head.ts';

/** An id such as `cc-by-4.0`, see huggingface.co/docs/hub/repositories-licenses. */
const id = z.string().regex(/^[A-Za-z0-9][\w.+-]{0,63}$/);
const schema = z.object({ license: z.union([id.transform((one) => [one]), z.array(id).min(1).max(10)]) });

/**
 * Licence ids that the YAML head of a README.md names; undefined where it names none that can be taken over.
 * @throws BadInputError `DATASET_BAD_README`.
 */
export function readmeLicence(readme: string): string[] | undefined {
  return schema.safeParse(readmeHead(readme)).data?.license;
}
