import type { ChatMessage, ChatTokenizer, PlacedTokens } from '@tuning/protocol';
import type { Conversation } from './conversation.ts';

/** A conversation written by the template, and its tokens. */
export interface RenderedChat {
  text: string;
  placed: PlacedTokens;
}

/** Tokens of a turn: index of the first, and behind the last. -1, -1 where none could be told from the rest. */
export type TurnTokens = readonly [start: number, end: number];

const NOT_FOUND: TurnTokens = [-1, -1];
/**
 * Axolotl's stand-ins for a turn's text. They share no first and no last character: where one of them hides a border,
 * because the template repeats its edge, the other one shows it.
 */
const STAND_INS = ['[[dummy_message]]', 'zzdummymessagezz'] as const;

/**
 * Where a turn's text stands among the tokens, as Axolotl 0.19.0 finds it: the turn is put in other words, and what differs
 * in the rendered text is the turn.
 * @throws BadInputError `CHAT_REFUSED`.
 */
export function locateTurn(
  { turns, tools }: Conversation,
  index: number,
  { text, placed }: RenderedChat,
  tokenizer: ChatTokenizer,
): TurnTokens {
  let from = text.length;
  let to = 0;
  for (const content of STAND_INS) {
    const other: ChatMessage = { role: turns[index]!.role, content };
    const [start, end] = difference(text, tokenizer.renderChat(turns.with(index, other), tools));
    from = Math.min(from, start);
    to = Math.max(to, end);
  }
  if (to <= from) return NOT_FOUND;
  const start = firstAbove(placed.ends, from);
  const end = firstFrom(placed.starts, to);
  return start < end ? [start, end] : NOT_FOUND;
}

/** The stretch of `text` that is not in `other`: between the longest equal beginning and the longest equal rest behind it. */
function difference(text: string, other: string): [start: number, end: number] {
  const shorter = Math.min(text.length, other.length);
  let start = 0;
  while (start < shorter && text.charCodeAt(start) === other.charCodeAt(start)) start++;
  let same = 0;
  while (
    same < shorter - start &&
    text.charCodeAt(text.length - 1 - same) === other.charCodeAt(other.length - 1 - same)
  ) {
    same++;
  }
  return [start, text.length - same];
}

/** Python's bisect_right. */
function firstAbove(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value < sorted[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Python's bisect_left. */
function firstFrom(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
