export interface Column<T> {
  title: string;
  value: (row: T) => string | number | boolean;
}

/**
 * Rows as aligned columns under a header, two spaces between; numbers to the right. Whatever cannot be printed is escaped:
 * text from the chain must not steer a terminal.
 */
export function textTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = rows.map((row) => columns.map(({ value }) => value(row)));
  const texts = cells.map((line) => line.map(cellText));
  const lines = [columns.map(({ title }) => title), ...texts];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  const right = columns.map((_, at) => cells.length > 0 && cells.every((line) => typeof line[at] === 'number'));
  return lines
    .map((line) =>
      line
        .map((text, at) => (right[at] ? text.padStart(widths[at]!) : text.padEnd(widths[at]!)))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

function cellText(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'yes' : '-';
  return printable(String(value));
}

/** Control characters and what is outside of printable ASCII as `\uXXXX`. */
export function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** JSON with amounts (bigint) as decimal strings and bytes as hex. */
export function jsonText(value: unknown): string {
  const plain = (_key: string, item: unknown) => {
    if (typeof item === 'bigint') return item.toString();
    return item instanceof Uint8Array ? Buffer.from(item).toString('hex') : item;
  };
  return `${JSON.stringify(value, plain, 2)}\n`;
}
