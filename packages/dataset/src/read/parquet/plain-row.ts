import type { Row } from '../../row.ts';
import { MAX_NESTING, MAX_ROW_VALUES } from '../limits.ts';
import { RowFault } from './parquet-fault.ts';

/**
 * Cells in values that JSON can hold: INT64 becomes a number (text where it is not exact), dates ISO text, NaN null.
 * @returns the row, and how many characters of text are in it. @throws RowFault.
 */
export function plainRow(
  cells: readonly (readonly [string, unknown])[],
  maxChars: number,
): { row: Row; chars: number } {
  let chars = 0;
  let values = 0;
  const plain = (value: unknown, depth: number): unknown => {
    values++;
    if (value === null || value === undefined) return null;
    if (typeof value === 'string') {
      chars += value.length;
      return value;
    }
    if (typeof value === 'bigint') {
      const exact = BigInt(Number(value)) === value && Number.isSafeInteger(Number(value));
      return exact ? Number(value) : String(value);
    }
    if (typeof value === 'number') return Number.isFinite(value) ? value : null;
    if (typeof value === 'boolean') return value;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (value instanceof Uint8Array) throw new RowFault('it has binary data, not text');
    if (depth > MAX_NESTING) throw new RowFault(`it nests more than ${MAX_NESTING} deep`);
    if (values > MAX_ROW_VALUES) throw new RowFault(`more than ${MAX_ROW_VALUES} values`, true);
    if (Array.isArray(value) || ArrayBuffer.isView(value)) {
      return Array.from(value as unknown as ArrayLike<unknown>, (item) => plain(item, depth + 1));
    }
    return Object.fromEntries(Object.entries(value as object).map(([key, member]) => [key, plain(member, depth + 1)]));
  };
  const row = Object.fromEntries(cells.map(([column, value]) => [column, plain(value, 0)]));
  if (values > MAX_ROW_VALUES) throw new RowFault(`more than ${MAX_ROW_VALUES} values`, true);
  if (chars > maxChars) throw new RowFault(`more than ${maxChars} bytes`, true);
  return { row, chars };
}
