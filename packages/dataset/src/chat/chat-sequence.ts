import { BadInputError } from '@tuning/kit';
import { type ChatTokenizer, IGNORED_LABEL } from '@tuning/protocol';
import type { ChatLayout } from './chat-layout.ts';
import type { Conversation } from './conversation.ts';
import { locateTurn, type RenderedChat } from './locate-turn.ts';

/** So many tokens may stand between a turn and its end token. */
const END_DISTANCE = 3;

/** What may end a turn: one of its own tokens, and the tokenizer's end token. */
export type TurnEnds = readonly [turn: ReadonlySet<number>, end: ReadonlySet<number>];

/**
 * The ids that end a turn. Of tokens that a dataset type names, those count that stand in the template.
 * @throws BadInputError `DATASET_TYPE_INVALID` where the tokenizer has no such single token.
 */
export function turnEndsOf({ turnEnds = [] }: ChatLayout, tokenizer: ChatTokenizer): TurnEnds {
  const ids = turnEnds
    .filter((token) => tokenizer.chatTemplate.includes(token))
    .map((token) => {
      const [id, ...more] = tokenizer.encode(token);
      if (id !== undefined && more.length === 0) return id;
      throw new BadInputError(
        'DATASET_TYPE_INVALID',
        `eot_tokens of the dataset type has ${JSON.stringify(token)}, which is no token of the base model`,
      );
    });
  return [new Set(ids), new Set([tokenizer.eosId])];
}

/**
 * Ids and labels of a conversation as Axolotl 0.19.0 makes them: the template's text, tokenised as a whole; the turns of
 * trained roles keep their labels, and so do the end tokens that `train_on_eos` names. No truncation: a sequence over
 * `sequenceLen` comes back without labels.
 * `allTurns`: Axolotl's `train_on_inputs`, turns of every role are trained.
 * @throws BadInputError `CHAT_REFUSED`, `TOKENS_NOT_PLACED`.
 */
export function chatSequence(
  conversation: Conversation,
  { trained, trainOnEos }: ChatLayout,
  tokenizer: ChatTokenizer,
  { sequenceLen, allTurns, turnEnds }: { sequenceLen: number; allTurns: boolean; turnEnds: TurnEnds },
): { ids: readonly number[]; labels: number[] } {
  const text = tokenizer.renderChat(conversation.turns, conversation.tools);
  const chat: RenderedChat = { text, placed: tokenizer.encodeWithPlaces(text) };
  const { ids } = chat.placed;
  if (ids.length > sequenceLen) return { ids, labels: [] };
  const labels = ids.map(() => IGNORED_LABEL);
  const last = turnEnds.map(() => -1);
  for (const [index, { role }] of conversation.turns.entries()) {
    const isTrained = allTurns || trained.has(role);
    if (!isTrained && trainOnEos !== 'all') continue;
    const [start, end] = locateTurn(conversation, index, chat, tokenizer);
    if (isTrained && start !== -1) for (let i = start; i < end; i++) labels[i] = ids[i]!;
    for (const [kind, ends] of turnEnds.entries()) {
      const token = firstOf(ends, ids, end);
      if (token === -1 || Math.abs(token - end) > END_DISTANCE) continue;
      last[kind] = token;
      if (trainOnEos === 'all' || (trainOnEos === 'turn' && isTrained)) labels[token] = ids[token]!;
    }
  }
  if (trainOnEos === 'last') for (const token of last) if (token !== -1) labels[token] = ids[token]!;
  return { ids, labels };
}

/** Axolotl looks from -1 on where it has not found the turn, and -1 is the last token to Python: found there, it counts as none. */
function firstOf(wanted: ReadonlySet<number>, ids: readonly number[], from: number): number {
  if (from === -1 && wanted.has(ids.at(-1)!)) return -1;
  for (let i = Math.max(0, from); i < ids.length; i++) if (wanted.has(ids[i]!)) return i;
  return -1;
}
