import type { Row } from '../row.ts';
import type { ChatLayout } from './chat-layout.ts';
import { type Conversation, conversationOf } from './conversation.ts';

/** What is said in a conversation, without any template. */
export interface ChatTexts {
  /** One for each message, in order. */
  turns: { role: string; text: string }[];
  /** Index of the last trained turn with a text, -1 where there is none. */
  answer: number;
}

/** A turn may be nothing but calls of tools. */
const CALLS = new Set(['tool_calls']);

/** The texts of a row's conversation; undefined where it is none. */
export function chatTextsOf(row: Row, layout: ChatLayout): ChatTexts | undefined {
  const conversation = conversationOf(row, layout, CALLS);
  return typeof conversation === 'string' ? undefined : textsOf(conversation, layout);
}

function textsOf({ turns }: Conversation, { trained }: ChatLayout): ChatTexts {
  const texts = turns.map((turn) => ({ role: turn.role, text: textOf(turn) }));
  return { turns: texts, answer: texts.findLastIndex(({ role, text }) => trained.has(role) && text.trim() !== '') };
}

function textOf({ content, reasoning_content: reasoning, tool_calls: calls }: Conversation['turns'][number]): string {
  const parts = [reasoning, content, calls === undefined ? undefined : JSON.stringify(calls)];
  return parts.filter((part): part is string => typeof part === 'string' && part !== '').join('\n');
}
