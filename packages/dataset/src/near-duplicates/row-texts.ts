import { canonicalJson, type DatasetType, type Json } from '@tuning/protocol';
import { type Layout, layoutOf } from '../prompt/layout.ts';
import { cell } from '../row.ts';
import type { Rows } from '../rows.ts';
import type { NumberedTexts } from './near-duplicates.ts';

/**
 * What rows are compared in: the turn that the type makes of them. A system text is left out, as all rows have it; so is
 * a column that is not read (an id would hide copies). Without a type: all columns, by name.
 */
export function rowTexts(rows: Rows, type?: DatasetType): NumberedTexts {
  const columns = type === undefined ? undefined : comparedColumns(layoutOf(type));
  return {
    count: rows.length,
    of: (index) => {
      const row = rows.at(index)!;
      return (columns ?? Object.keys(row).sort()).map((column) => textOf(cell(row, column)));
    },
  };
}

function comparedColumns(layout: Layout): string[] | undefined {
  if (layout.kind === 'completion') return [layout.text];
  return 'instruction' in layout ? [layout.instruction, layout.input, layout.output] : undefined;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : canonicalJson(value as Json);
}
