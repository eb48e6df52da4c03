import { BadInputError } from '@tuning/kit';
import { type CustomDatasetType, chatTypeOf, type DatasetType } from '@tuning/protocol';
import { type ChatLayout, chatLayoutOf } from '../chat/chat-layout.ts';
import { parseTemplate, type Template } from './python-format.ts';

/** The column of "pretrain" and "completion". */
export const TEXT_COLUMN = 'text';

/** What a dataset type reads and how it writes the prompt. */
export type Layout =
  | ChatLayout
  | { kind: 'completion'; text: string }
  | { kind: 'alpaca'; instruction: string; input: string; output: string }
  | {
      kind: 'custom';
      instruction: string;
      input: string;
      output: string;
      system: string;
      systemPrompt: string;
      systemFormat: Template;
      format: Template;
      noInputFormat: Template;
    };

/** Axolotl's defaults of a user-defined type, with their trailing spaces (prompt_strategies/user_defined.py, 2024-10-02). */
const CUSTOM_DEFAULTS = {
  system_prompt: '',
  system_format: '{system}',
  field_system: 'system',
  field_instruction: 'instruction',
  field_input: 'input',
  field_output: 'output',
  format: '{instruction} {input} ',
  no_input_format: '{instruction} ',
} as const;

/**
 * The layout of a dataset type: names resolved, defaults filled in, templates parsed.
 * @throws BadInputError DATASET_TYPE_INVALID for a template that Python's str.format would refuse.
 */
export function layoutOf(type: DatasetType): Layout {
  if (type === 'pretrain' || type === 'completion') return { kind: 'completion', text: TEXT_COLUMN };
  if (type === 'instruct' || type === 'alpaca') {
    return { kind: 'alpaca', instruction: 'instruction', input: 'input', output: 'output' };
  }
  const chat = chatTypeOf(type);
  if (chat) return chatLayoutOf(chat);
  const custom = type as CustomDatasetType;
  const value = (key: Exclude<keyof CustomDatasetType, 'field'>) => custom[key] ?? CUSTOM_DEFAULTS[key];
  return {
    kind: 'custom',
    instruction: value('field_instruction'),
    input: value('field_input'),
    output: value('field_output'),
    system: value('field_system'),
    systemPrompt: value('system_prompt'),
    systemFormat: parseTemplate('system_format', value('system_format'), ['system']),
    format: parseTemplate('format', value('format'), ['instruction', 'input']),
    noInputFormat: parseTemplate('no_input_format', value('no_input_format'), ['instruction']),
  };
}

/** Columns without which no row of the dataset could be trained on. */
export function requiredColumns(layout: Layout): string[] {
  if (layout.kind === 'chat') return [layout.messages];
  return layout.kind === 'completion' ? [layout.text] : [layout.instruction, layout.output];
}

/**
 * Checks at the door that a dataset can be read as `type`. The input and system columns may be absent.
 * @throws BadInputError DATASET_MISSING_COLUMN naming the column and those there are; DATASET_TYPE_INVALID.
 */
export function requireColumns(columns: readonly string[], type: DatasetType): void {
  for (const column of requiredColumns(layoutOf(type))) {
    if (columns.includes(column)) continue;
    const there = columns.slice(0, 20).map((name) => `"${name.slice(0, 80)}"`);
    throw new BadInputError(
      'DATASET_MISSING_COLUMN',
      `the dataset has no column "${column}", which the dataset type reads; it has ${there.join(', ') || 'none'}`,
      { details: { column, columns: columns.slice(0, 20) } },
    );
  }
}
