import type { Row } from '../row.ts';
import type { SeededRandom } from '../split/random.ts';
import { paraphraseInstruction } from './instruction-frames.ts';
import type { RowForm, RowPart } from './row-form.ts';
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

/** A text worth editing. */
const textOf = (row: Row, form: RowForm, part: RowPart): string | undefined => {
  const text = form.text(row, part);
  return text !== undefined && text.trim() !== '' && text.length <= MAX_TEXT_CHARS ? text : undefined;
};

/** One or two content edits of the answer; half of the time the instruction is put in other words too. */
export function editContent(row: Row, form: RowForm, random: SeededRandom): Made | undefined {
  let output = textOf(row, form, 'output');
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
  const made = { row: form.withTexts(row, new Map([['output', output]])), strategies };
  return random.below(2) === 0 ? made : (paraphrase(made.row, form, random, strategies) ?? made);
}

/** Other capitals and punctuation of the answer, other words for the instruction. */
export function editStyle(row: Row, form: RowForm, random: SeededRandom): Made | undefined {
  const output = textOf(row, form, 'output');
  const edited = output === undefined ? undefined : restyle(output, random);
  if (edited === undefined) return undefined;
  const made = { row: form.withTexts(row, new Map([['output', edited]])), strategies: ['restyle'] };
  return paraphrase(made.row, form, random, made.strategies) ?? made;
}

/** Only the prompt changes: the last resort, since the answer is then one that was trained on. */
export function editPrompt(row: Row, form: RowForm, random: SeededRandom): Made | undefined {
  return paraphrase(row, form, random, []);
}

function paraphrase(row: Row, form: RowForm, random: SeededRandom, before: string[]): Made | undefined {
  const instruction = textOf(row, form, 'instruction');
  // Types may name one column for prompt and answer; the answer must not turn into an instruction.
  if (instruction === undefined || !form.hasOwnInstruction) return undefined;
  const texts = new Map([['instruction' as const, paraphraseInstruction(instruction, random)]]);
  return { row: form.withTexts(row, texts), strategies: [...before, 'paraphrase'] };
}

/**
 * Two examples in one: both questions, both answers, numbered. For completion: one text after the other; of conversations
 * the second goes on where the first ended.
 */
export function mergeRows(row: Row, other: Row, form: RowForm): Made | undefined {
  const outputs = [row, other].map((each) => textOf(each, form, 'output'));
  if (!areShort(outputs) || outputs[0] === outputs[1]) return undefined;
  if (form.joined) {
    const joined = form.joined(row, other);
    return joined && { row: joined, strategies: ['merge'] };
  }
  const texts = new Map<RowPart, string>([['output', outputs.join('\n\n')]]);
  if (!form.parts.has('instruction')) return { row: form.withTexts(row, texts), strategies: ['merge'] };
  const instructions = [row, other].map((each) => textOf(each, form, 'instruction'));
  if (!areShort(instructions) || !form.hasOwnInstruction) return undefined;
  texts.set('instruction', numbered(instructions));
  texts.set('output', numbered(outputs));
  const inputs = [row, other].map((each) => textOf(each, form, 'input'));
  if (form.parts.has('input') && inputs[0] !== inputs[1]) {
    if (!areShort(inputs)) return undefined;
    texts.set('input', numbered(inputs));
  }
  return { row: form.withTexts(row, texts), strategies: ['merge'] };
}

const areShort = (texts: (string | undefined)[]): texts is string[] =>
  texts.every((text) => text !== undefined && text.length <= MAX_MERGED_CHARS);
const numbered = (texts: string[]) => texts.map((text, i) => `${i + 1}. ${text}`).join('\n');
