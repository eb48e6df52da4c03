import { canonicalJson, type DatasetType, type Json } from '@tuning/protocol';
import type { ChatLayout } from '../chat/chat-layout.ts';
import { chatTextsOf } from '../chat/chat-texts.ts';
import { type Layout, layoutOf } from '../prompt/layout.ts';
import { cell, type Row } from '../row.ts';
import type { Rows } from '../rows.ts';
import type { NumberedTexts } from './near-duplicates.ts';

/**
 * What rows are compared in: the turn that the type makes of them. A system text is left out, as all rows have it; so is
 * a column that is not read (an id would hide copies). Without a type: all columns, by name.
 */
export function rowTexts(rows: Rows, type?: DatasetType): NumberedTexts {
  const layout = type === undefined ? undefined : layoutOf(type);
  if (layout?.kind === 'chat') return { count: rows.length, of: (index) => turnTexts(rows.at(index)!, layout) };
  const columns = layout === undefined ? undefined : comparedColumns(layout);
  return {
    count: rows.length,
    of: (index) => {
      const row = rows.at(index)!;
      return (columns ?? Object.keys(row).sort()).map((column) => textOf(cell(row, column)));
    },
  };
}

/** What is said in turn, but for the system text; of a row that is no conversation, its column. */
function turnTexts(row: Row, layout: ChatLayout): string[] {
  const turns = chatTextsOf(row, layout)?.turns ?? [{ role: '', text: textOf(cell(row, layout.messages)) }];
  return turns.filter(({ role }) => role !== 'system').map(({ text }) => text);
}

function comparedColumns(layout: Exclude<Layout, ChatLayout>): string[] | undefined {
  if (layout.kind === 'completion') return [layout.text];
  return 'instruction' in layout ? [layout.instruction, layout.input, layout.output] : undefined;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : canonicalJson(value as Json);
}
