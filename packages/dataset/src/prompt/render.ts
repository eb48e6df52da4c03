import { BadInputError } from '@tuning/kit';
import type { DatasetType } from '@tuning/protocol';
import type { ChatLayout } from '../chat/chat-layout.ts';
import { chatTextsOf } from '../chat/chat-texts.ts';
import { cell, type Row } from '../row.ts';
import { type Layout, layoutOf, requiredColumns } from './layout.ts';
import { fillTemplate } from './python-format.ts';
import { isTruthy, pythonText } from './python-text.ts';

/** What the model sees (masked) and what it has to say (trained). Special tokens are not part of either. */
export interface RenderedRow {
  prompt: string;
  response: string;
}

/** Axolotl's prompters.py, AlpacaPrompter: `\n\n### Response:\n` ends both. */
const ALPACA_WITH_INPUT =
  'Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.';
const ALPACA_NO_INPUT =
  'Below is an instruction that describes a task. Write a response that appropriately completes the request.';

/**
 * A function that renders rows of one dataset type, for many rows. It throws BadInputError DATASET_MISSING_COLUMN and, for
 * conversations, CONVERSATION_INVALID.
 * @throws BadInputError DATASET_TYPE_INVALID.
 */
export function rendererOf(type: DatasetType): (row: Row) => RenderedRow {
  const layout = layoutOf(type);
  const required = requiredColumns(layout);
  // Axolotl lets a row without the output column pass as an empty answer, for custom types; `requireColumns` catches it.
  const needed = layout.kind === 'custom' ? [layout.instruction] : required;
  return (row) => {
    const absent = needed.find((column) => !Object.hasOwn(row, column));
    if (absent !== undefined) {
      throw new BadInputError(
        'DATASET_MISSING_COLUMN',
        `a row has no column "${absent}", which the dataset type reads`,
        {
          details: { column: absent },
        },
      );
    }
    return renderAs(layout, row);
  };
}

/**
 * The texts of one row, exactly as Axolotl writes them (PROMPT_FORMAT of the protocol). The prompt is '' for completion.
 * Of a conversation, which only the base's template could write: the last answer, and the turns before it one by one.
 * @throws BadInputError DATASET_MISSING_COLUMN, DATASET_TYPE_INVALID, CONVERSATION_INVALID.
 */
export function renderRow(row: Row, type: DatasetType): RenderedRow {
  return rendererOf(type)(row);
}

function renderAs(layout: Layout, row: Row): RenderedRow {
  if (layout.kind === 'chat') return renderTurns(layout, row);
  if (layout.kind === 'completion') return { prompt: '', response: answer(cell(row, layout.text)) };
  const response = answer(cell(row, layout.output));
  const instruction = cell(row, layout.instruction);
  const input = cell(row, layout.input);
  if (layout.kind === 'alpaca') {
    const head = isTruthy(input) ? ALPACA_WITH_INPUT : ALPACA_NO_INPUT;
    const middle = isTruthy(input) ? `\n\n### Input:\n${pythonText(input)}` : '';
    return { prompt: `${head}\n\n### Instruction:\n${pythonText(instruction)}${middle}\n\n### Response:\n`, response };
  }
  // An existing but empty system column means no system text: system_prompt stands in only for an absent column.
  const system = Object.hasOwn(row, layout.system) ? row[layout.system] : layout.systemPrompt;
  const before = isTruthy(system) ? fillTemplate(layout.systemFormat, { system }) : '';
  const turn = fillTemplate(isTruthy(input) ? layout.format : layout.noInputFormat, { instruction, input });
  return { prompt: before + turn, response };
}

/** Axolotl tokenises a falsy answer (null, '', 0) to nothing. */
const answer = (value: unknown) => (isTruthy(value) ? pythonText(value) : '');

function renderTurns(layout: ChatLayout, row: Row): RenderedRow {
  const texts = chatTextsOf(row, layout);
  if (!texts) {
    throw new BadInputError('CONVERSATION_INVALID', 'a row holds no list of messages with roles and texts');
  }
  const { turns, answer: at } = texts;
  const before = at === -1 ? turns : turns.slice(0, at);
  return {
    prompt: before.map(({ role, text }) => `${role}: ${text}\n`).join(''),
    response: turns[at]?.text ?? '',
  };
}
