import type { ChatLayout } from '../../chat/chat-layout.ts';
import { type ChatTexts, chatTextsOf } from '../../chat/chat-texts.ts';
import { cell, type Row } from '../../row.ts';
import type { Rows } from '../../rows.ts';

/** A language model is shown, and writes, one question and its answer: whole conversations have too many forms to check. */
const FIELDS = ['user', 'assistant'] as const;

/** Train rows looked at for examples, about, evenly spread: a set may be larger than memory. */
const SAMPLE = 2_000;

export interface Exchanges {
  readonly fields: readonly [question: string, answer: string];
  /** Train rows that are a single exchange. */
  readonly examples: readonly Row[];
  /** The train row that an example was made from. */
  readonly rowOf: (example: Row) => Row;
  /** An exchange as a row of the dataset's own form: its names of roles and properties, its system text if all have one. */
  readonly conversationOf: (exchange: Row) => Row;
}

export function exchangesOf(rows: Rows, layout: ChatLayout): Exchanges {
  const origins = new Map<Row, Row>();
  const systems = new Set<string>();
  const stride = Math.max(1, Math.floor(rows.length / SAMPLE));
  for (let at = 0; at < rows.length; at += stride) {
    const row = rows.at(at)!;
    const texts = chatTextsOf(row, layout);
    const exchange = texts && exchangeIn(texts);
    if (!texts || !exchange) continue;
    systems.add(texts.turns.length === 3 ? texts.turns[0]!.text : '');
    origins.set(exchange, row);
  }
  const nameOf = (property: string) => layout.properties.find(([name]) => name === property)?.[1] ?? property;
  const inRow = (role: string) => [...layout.roleOf].find(([, mapped]) => mapped === role)?.[0] ?? role;
  const answering = [...layout.trained][0] ?? 'assistant';
  const names = namesIn(origins.values().next().value, layout) ?? ['system', 'user', answering].map(inRow);
  const message = (role: number, text: unknown) => ({ [nameOf('role')]: names.at(role), [nameOf('content')]: text });
  const [system = ''] = systems.size === 1 ? systems : [];
  return {
    fields: FIELDS,
    examples: [...origins.keys()],
    rowOf: (example) => origins.get(example) ?? example,
    conversationOf: (exchange) => ({
      [layout.messages]: [
        ...(system === '' ? [] : [message(-3, system)]),
        message(-2, cell(exchange, FIELDS[0])),
        message(-1, cell(exchange, FIELDS[1])),
      ],
    }),
  };
}

function exchangeIn({ turns, answer }: ChatTexts): Row | undefined {
  const [question, reply] = turns.slice(-2);
  const isOne = answer === turns.length - 1 && question?.role === 'user' && turns.length <= 3;
  if (!isOne || !reply || (turns.length === 3 && turns[0]!.role !== 'system')) return undefined;
  return { [FIELDS[0]]: question.text, [FIELDS[1]]: reply.text };
}

/** What a row calls the roles of its messages. */
function namesIn(row: Row | undefined, layout: ChatLayout): string[] | undefined {
  if (!row) return undefined;
  const value = cell(row, layout.messages);
  const messages = (typeof value === 'string' ? JSON.parse(value) : value) as Record<string, string>[];
  const role = layout.properties.find(([property]) => property === 'role')?.[1] ?? 'role';
  return messages.map((message) => message[role]!);
}
