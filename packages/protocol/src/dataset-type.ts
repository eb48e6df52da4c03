import { z } from 'zod';

const column = z.string().min(1).max(256).nullish();
const template = z.string().max(16_384).nullish();

/**
 * Axolotl's `user_defined` object. Null and absent mean Axolotl's default. `field` is accepted by the request model of
 * the field but is a TypeError inside Axolotl, so a non-null one is refused here.
 */
export const customDatasetTypeSchema = z.strictObject({
  system_prompt: template,
  system_format: template,
  field_system: column,
  field_instruction: column,
  field_input: column,
  field_output: column,
  format: template,
  no_input_format: template,
  field: z.null({ error: 'field is not usable in a custom dataset type; use "completion" for plain text' }).optional(),
});
export type CustomDatasetType = z.infer<typeof customDatasetTypeSchema>;

/** "instruct" is defined as alpaca; "pretrain" and "completion" are the same thing: all tokens of the column `text`. */
export const datasetTypeNames = ['instruct', 'alpaca', 'pretrain', 'completion'] as const;

export const datasetTypeSchema = z.union([z.enum(datasetTypeNames), customDatasetTypeSchema]);
export type DatasetType = z.infer<typeof datasetTypeSchema>;

/** `hf`: a dataset repo on the hub; `csv` and `json` (array or lines): a local file. */
export const fileFormatSchema = z.enum(['hf', 'csv', 'json']);
export type FileFormat = z.infer<typeof fileFormatSchema>;

/** Version of prompt strings, masking, EOS and length rules. It changes every loss, so a task names it. */
export const PROMPT_FORMAT = 'axolotl-2024-10' as const;
export const promptFormatSchema = z.literal(PROMPT_FORMAT);
