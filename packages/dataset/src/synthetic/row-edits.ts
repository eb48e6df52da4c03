import type { Layout } from '../prompt/layout.ts';
import { cell, type Row } from '../row.ts';
import type { SeededRandom } from '../split/random.ts';
import { paraphraseInstruction } from './instruction-frames.ts';
import { CONTENT_EDITS, restyle } from './text-edits.ts';

/** A new row and what was done to get it. */
export interface Made {
  row: Row;
  strategies: string[];
}

/** Longer texts are left alone: editing them costs more than another row is worth. */
const MAX_TEXT_CHARS = 8_000;
/** Texts longer than this are not merged, so that the merged row is not dropped for its length. */
const MAX_MERGED_CHARS = 400;

export interface EditableColumns {
  /** Undefined for completion, which has no prompt. */
  instruction: string | undefined;
  input: string | undefined;
  output: string;
}

export function editableColumns(layout: Layout): EditableColumns {
  return layout.kind === 'completion'
    ? { instruction: undefined, input: undefined, output: layout.text }
    : { instruction: layout.instruction, input: layout.input, output: layout.output };
}

const textOf = (row: Row, column: string | undefined): string | undefined => {
  const value = column === undefined ? undefined : cell(row, column);
  return typeof value === 'string' && value.trim() !== '' && value.length <= MAX_TEXT_CHARS ? value : undefined;
};

/** The row with some columns replaced, in the old column order. A column named `__proto__` stays a column. */
function withCells(row: Row, cells: ReadonlyMap<string, string>): Row {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, cells.get(column) ?? value]));
}

/** One or two content edits of the answer; half of the time the instruction is put in other words too. */
export function editContent(row: Row, columns: EditableColumns, random: SeededRandom): Made | undefined {
  let output = textOf(row, columns.output);
  if (output === undefined) return undefined;
  const strategies: string[] = [];
  const wanted = 1 + random.below(2);
  const start = random.below(CONTENT_EDITS.length);
  for (let i = 0; i < CONTENT_EDITS.length && strategies.length < wanted; i++) {
    const [name, edit] = CONTENT_EDITS[(start + i) % CONTENT_EDITS.length]!;
    // After a swap the end of the text may be its heart, so a part is dropped first or not at all.
    if (name.startsWith('drop_') && strategies.length > 0) continue;
    const edited = edit(output, random);
    if (edited === undefined || edited === output || edited.trim() === '') continue;
    output = edited;
    strategies.push(name);
  }
  if (strategies.length === 0) return undefined;
  const made = { row: withCells(row, new Map([[columns.output, output]])), strategies };
  return random.below(2) === 0 ? made : (paraphrase(made.row, columns, random, strategies) ?? made);
}

/** Other capitals and punctuation of the answer, other words for the instruction. */
export function editStyle(row: Row, columns: EditableColumns, random: SeededRandom): Made | undefined {
  const output = textOf(row, columns.output);
  const edited = output === undefined ? undefined : restyle(output, random);
  if (edited === undefined) return undefined;
  const made = { row: withCells(row, new Map([[columns.output, edited]])), strategies: ['restyle'] };
  return paraphrase(made.row, columns, random, made.strategies) ?? made;
}

/** Only the prompt changes: the last resort, since the answer is then one that was trained on. */
export function editPrompt(row: Row, columns: EditableColumns, random: SeededRandom): Made | undefined {
  return paraphrase(row, columns, random, []);
}

function paraphrase(row: Row, columns: EditableColumns, random: SeededRandom, before: string[]): Made | undefined {
  const instruction = textOf(row, columns.instruction);
  // Types may name one column for prompt and answer; the answer must not turn into an instruction.
  if (instruction === undefined || columns.instruction === columns.output) return undefined;
  const cells = new Map([[columns.instruction!, paraphraseInstruction(instruction, random)]]);
  return { row: withCells(row, cells), strategies: [...before, 'paraphrase'] };
}

/** Two examples in one: both questions, both answers, numbered. For completion: one text after the other. */
export function mergeRows(row: Row, other: Row, columns: EditableColumns): Made | undefined {
  const outputs = [row, other].map((each) => textOf(each, columns.output));
  if (!areShort(outputs) || outputs[0] === outputs[1]) return undefined;
  if (columns.instruction === undefined) {
    return { row: withCells(row, new Map([[columns.output, outputs.join('\n\n')]])), strategies: ['merge'] };
  }
  const instructions = [row, other].map((each) => textOf(each, columns.instruction));
  if (!areShort(instructions) || columns.instruction === columns.output) return undefined;
  const cells = new Map([
    [columns.instruction, numbered(instructions)],
    [columns.output, numbered(outputs)],
  ]);
  const inputs = [row, other].map((each) => textOf(each, columns.input));
  if (columns.input !== undefined && inputs[0] !== inputs[1]) {
    if (!areShort(inputs)) return undefined;
    cells.set(columns.input, numbered(inputs));
  }
  return { row: withCells(row, cells), strategies: ['merge'] };
}

const areShort = (texts: (string | undefined)[]): texts is string[] =>
  texts.every((text) => text !== undefined && text.length <= MAX_MERGED_CHARS);
const numbered = (texts: string[]) => texts.map((text, i) => `${i + 1}. ${text}`).join('\n');
