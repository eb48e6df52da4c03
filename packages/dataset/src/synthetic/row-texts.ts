import type { DatasetType } from '@tuning/protocol';
import { chatTextsOf } from '../chat/chat-texts.ts';
import { layoutOf } from '../prompt/layout.ts';
import { cell, type Row } from '../row.ts';
import { columnsOf } from './row-form.ts';

/** The texts of a row that tell it from others: no template, no column that the type does not read. */
export interface RowTexts {
  prompt: string;
  answer: string;
}

const textOf = (row: Row, column: string | undefined): string => {
  const value = column === undefined ? undefined : cell(row, column);
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
};

/** @throws BadInputError DATASET_TYPE_INVALID. */
export function rowTextsOf(type: DatasetType): (row: Row) => RowTexts {
  const layout = layoutOf(type);
  if (layout.kind === 'chat') {
    return (row) => {
      const { turns, answer } = chatTextsOf(row, layout) ?? { turns: [], answer: -1 };
      const before = turns.slice(0, Math.max(0, answer)).filter(({ role }) => role !== 'system');
      return { prompt: before.map(({ text }) => text).join('\n'), answer: turns[answer]?.text ?? '' };
    };
  }
  const { instruction, input, output } = columnsOf(layout);
  return (row) => ({
    prompt: [instruction, input]
      .map((column) => textOf(row, column))
      .filter((text) => text !== '')
      .join('\n'),
    answer: textOf(row, output),
  });
}
