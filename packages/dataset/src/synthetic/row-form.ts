import type { ChatLayout } from '../chat/chat-layout.ts';
import { chatTextsOf } from '../chat/chat-texts.ts';
import type { Layout } from '../prompt/layout.ts';
import { cell, type Row } from '../row.ts';

export type RowPart = 'instruction' | 'input' | 'output';

/** Where a dataset type has the texts of a turn, and how they are written back. */
export interface RowForm {
  /** Parts that there are. Without an instruction a row is all answer. */
  readonly parts: ReadonlySet<RowPart>;
  /** False where instruction and answer are one and the same text. */
  readonly hasOwnInstruction: boolean;
  /** Undefined where the row has no text there. */
  text(row: Row, part: RowPart): string | undefined;
  /** The row with some texts replaced, everything else as it is. */
  withTexts(row: Row, texts: ReadonlyMap<RowPart, string>): Row;
  /** Two rows as one; undefined where they do not go together. Absent: texts are put together instead. */
  readonly joined?: (row: Row, other: Row) => Row | undefined;
}

export function rowFormOf(layout: Layout): RowForm {
  return layout.kind === 'chat' ? new ChatForm(layout) : new ColumnForm(columnsOf(layout));
}

/** The columns that a type writes its turn from; completion has no prompt. */
export function columnsOf(layout: Exclude<Layout, ChatLayout>): { output: string } & Partial<Record<RowPart, string>> {
  return layout.kind === 'completion'
    ? { output: layout.text }
    : { instruction: layout.instruction, input: layout.input, output: layout.output };
}

/** A column for each text. */
class ColumnForm implements RowForm {
  readonly parts: ReadonlySet<RowPart>;
  readonly hasOwnInstruction: boolean;
  readonly #columns: Partial<Record<RowPart, string>>;

  constructor(columns: Partial<Record<RowPart, string>>) {
    this.#columns = columns;
    this.parts = new Set(Object.keys(columns) as RowPart[]);
    this.hasOwnInstruction = columns.instruction !== undefined && columns.instruction !== columns.output;
  }

  text(row: Row, part: RowPart): string | undefined {
    const column = this.#columns[part];
    const value = column === undefined ? undefined : cell(row, column);
    return typeof value === 'string' ? value : undefined;
  }

  /** In the old column order. A column named `__proto__` stays a column. */
  withTexts(row: Row, texts: ReadonlyMap<RowPart, string>): Row {
    const cells = new Map([...texts].map(([part, text]) => [this.#columns[part]!, text]));
    return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, cells.get(column) ?? value]));
  }
}

type Message = Record<string, unknown>;

/** The last answer of a conversation, and the question right before it. */
class ChatForm implements RowForm {
  readonly parts: ReadonlySet<RowPart> = new Set<RowPart>(['instruction', 'output']);
  readonly hasOwnInstruction = true;
  readonly #layout: ChatLayout;
  /** What the rows call the text of a message. */
  readonly #content: string;

  constructor(layout: ChatLayout) {
    this.#layout = layout;
    this.#content = layout.properties.find(([property]) => property === 'content')?.[1] ?? 'content';
  }

  text(row: Row, part: RowPart): string | undefined {
    const value = this.#messages(row)?.[this.#indexOf(row, part)]?.[this.#content];
    return typeof value === 'string' ? value : undefined;
  }

  withTexts(row: Row, texts: ReadonlyMap<RowPart, string>): Row {
    const messages = [...this.#messages(row)!];
    for (const [part, text] of texts) {
      const at = this.#indexOf(row, part);
      const message = Object.entries(messages[at]!).map(([key, value]) => [key, key === this.#content ? text : value]);
      messages[at] = Object.fromEntries(message);
    }
    return this.#withMessages(row, messages);
  }

  /** One conversation after the other, under the first one's system text. */
  readonly joined = (row: Row, other: Row): Row | undefined => {
    const [first, second] = [row, other].map((each) => chatTextsOf(each, this.#layout));
    if (!first || !second || first.answer !== first.turns.length - 1) return undefined;
    const [system, otherSystem] = [first, second].map(({ turns }) =>
      turns[0]?.role === 'system' ? turns[0].text : '',
    );
    const [tools, otherTools] = [row, other].map((each) => JSON.stringify(cell(each, this.#layout.tools) ?? null));
    const turns = second.turns.slice(second.turns[0]?.role === 'system' ? 1 : 0);
    if (turns.length === 0 || this.#layout.trained.has(turns[0]!.role)) return undefined;
    if ((otherSystem !== '' && otherSystem !== system) || tools !== otherTools) return undefined;
    return this.#withMessages(row, [...this.#messages(row)!, ...this.#messages(other)!.slice(-turns.length)]);
  };

  #indexOf(row: Row, part: RowPart): number {
    const texts = chatTextsOf(row, this.#layout);
    if (!texts || part === 'input') return -1;
    if (part === 'output') return texts.answer;
    const before = texts.turns.slice(0, Math.max(0, texts.answer));
    return before.findLastIndex(({ role }) => role === 'user');
  }

  /** As the row has them: objects, known to be a conversation. */
  #messages(row: Row): Message[] | undefined {
    if (!chatTextsOf(row, this.#layout)) return undefined;
    const value = cell(row, this.#layout.messages);
    return (typeof value === 'string' ? JSON.parse(value) : value) as Message[];
  }

  /** A conversation that was a JSON text stays one. */
  #withMessages(row: Row, messages: readonly Message[]): Row {
    const wasText = typeof cell(row, this.#layout.messages) === 'string';
    const value = wasText ? JSON.stringify(messages) : messages;
    return Object.fromEntries(
      Object.entries(row).map(([column, old]) => [column, column === this.#layout.messages ? value : old]),
    );
  }
}
