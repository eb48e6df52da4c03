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

const name = z.string().min(1).max(256);

/** Which end tokens of a conversation are trained: of every turn, of the trained turns, the last one, or none. */
export const trainOnEosSchema = z.enum(['all', 'turn', 'last', 'none']);
export type TrainOnEos = z.infer<typeof trainOnEosSchema>;

/**
 * Conversations, with the keys of Axolotl's `type: chat_template` (0.19.0). The base's own chat template writes them; the
 * turns of `roles_to_train` are trained. Null and absent mean Axolotl's default.
 */
export const chatDatasetTypeSchema = z.strictObject({
  type: z.literal('chat_template'),
  /** Column of the messages: a list, or its JSON text. Default `messages`. */
  field_messages: column,
  /** What the template calls a property: what the row calls it. Default role, content and reasoning_content, each by its own name. */
  message_property_mappings: z
    .record(name, name)
    .refine((mappings) => Object.keys(mappings).length <= 32, { error: 'has more than 32 properties' })
    .refine((mappings) => ['role', 'content'].every((key) => Object.hasOwn(mappings, key)), {
      error: 'must say what "role" and "content" are called in a message',
    })
    .nullish(),
  /** The template's roles and what the rows call each. Default: user (human, user), assistant (gpt, assistant), system, tool. */
  roles: z
    .record(name, z.array(name).min(1).max(64))
    .refine((roles) => Object.keys(roles).length <= 32, { error: 'has more than 32 roles' })
    .nullish(),
  /** Default `["assistant"]`. */
  roles_to_train: z.array(name).min(1).max(32).nullish(),
  /** Default `turn`. */
  train_on_eos: trainOnEosSchema.nullish(),
  /**
   * Tokens that end a turn, trained like the tokenizer's end token; those that the template does not have are passed over.
   * Default: the end token alone. (Axolotl has this key beside the datasets.)
   */
  eot_tokens: z.array(name).min(1).max(16).nullish(),
});
export type ChatDatasetType = z.infer<typeof chatDatasetTypeSchema>;

/**
 * "instruct" is defined as alpaca; "pretrain" and "completion" are the same thing: all tokens of the column `text`. "chat"
 * is `chat_template` with its defaults, "sharegpt" the same with the column `conversations` of `from` and `value`.
 */
export const datasetTypeNames = ['instruct', 'alpaca', 'pretrain', 'completion', 'chat', 'sharegpt'] as const;

export const datasetTypeSchema = z.union([z.enum(datasetTypeNames), chatDatasetTypeSchema, customDatasetTypeSchema]);
export type DatasetType = z.infer<typeof datasetTypeSchema>;

/** What "sharegpt" stands for. */
const SHAREGPT: ChatDatasetType = {
  type: 'chat_template',
  field_messages: 'conversations',
  message_property_mappings: { role: 'from', content: 'value' },
};

/** The object of a type whose rows are conversations; undefined for any other type. */
export function chatTypeOf(type: DatasetType): ChatDatasetType | undefined {
  if (type === 'chat') return { type: 'chat_template' };
  if (type === 'sharegpt') return SHAREGPT;
  return typeof type === 'object' && 'type' in type ? type : undefined;
}

/** What a type is called in lists: its name, `chat` for conversations given as an object, `custom` for any other object. */
export function datasetTypeLabel(type: DatasetType): (typeof datasetTypeNames)[number] | 'custom' {
  if (typeof type === 'string') return type;
  return chatTypeOf(type) ? 'chat' : 'custom';
}

/** `hf`: a dataset repo on the hub; `csv` and `json` (array or lines): a local file. */
export const fileFormatSchema = z.enum(['hf', 'csv', 'json']);
export type FileFormat = z.infer<typeof fileFormatSchema>;

/** Version of prompt strings, masking, EOS and length rules. It changes every loss, so a task names it. */
export const PROMPT_FORMAT = 'axolotl-2024-10' as const;
export const promptFormatSchema = z.literal(PROMPT_FORMAT);
