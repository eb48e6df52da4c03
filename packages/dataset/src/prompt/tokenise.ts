import { BadInputError, errorCode } from '@tuning/kit';
import {
  type ChatTokenizer,
  chatTypeOf,
  type DatasetType,
  IGNORED_LABEL,
  type TextTokenizer,
  type TokenRow,
} from '@tuning/protocol';
import type { ChatLayout } from '../chat/chat-layout.ts';
import { chatSequence, turnEndsOf } from '../chat/chat-sequence.ts';
import { conversationFaults, conversationOf } from '../chat/conversation.ts';
import type { Row } from '../row.ts';
import { layoutOf } from './layout.ts';
import { type RenderedRow, rendererOf } from './render.ts';

/** Why a row (for completion: a chunk of a row) was left out. */
export const dropReasons = [
  ...conversationFaults,
  /** The base's chat template does not take the conversation. */
  'template_refused',
  /** Which token stands where in the conversation could not be told. */
  'not_placed',
  'over_length',
  'too_short',
  'no_trainable_tokens',
] as const;
export type DropReason = (typeof dropReasons)[number];

export interface TokenisedRows {
  rows: TokenRow[];
  /** Counts by DropReason; only reasons that occurred. */
  dropped: Record<string, number>;
}

/** Axolotl drops sequences under this length: there is nothing to predict in one token. */
const MIN_TOKENS = 2;
/** Axolotl tokenises completion rows up to this many sequence lengths before it cuts them into chunks. */
const COMPLETION_LENGTHS = 64;

export interface TokeniseOptions {
  /** Axolotl's `train_on_inputs`: the prompt is trained too; of a conversation, the turns of every role. Default false. */
  trainOnInputs?: boolean;
}

/**
 * Token sequences with loss masks, as Axolotl makes them. Prompt and response are tokenised separately; the prompt is
 * masked; EOS ends the response unless truncation cut it. Rows whose total is over `sequenceLen` are dropped, not cut.
 * Completion rows are all trained and cut into chunks of `sequenceLen`, which keep the row's index. Conversations are
 * written by the base's chat template, without any limit of time. Synchronous: for jobs.
 * @param tokenizer a ChatTokenizer where rows are conversations.
 * @throws BadInputError DATASET_TYPE_INVALID, CHAT_TEMPLATE_MISSING. A row without a required column is dropped as `missing_field`.
 */
export function tokenise(
  rows: readonly Row[],
  type: DatasetType,
  tokenizer: TextTokenizer,
  sequenceLen: number,
  { trainOnInputs = false }: TokeniseOptions = {},
): TokenisedRows {
  // Of a conversation only what is said is trained, never the template's own words.
  const all = trainOnInputs && chatTypeOf(type) === undefined;
  const sequencesOf = sequencerOf(type, tokenizer, sequenceLen, trainOnInputs);
  const kept: TokenRow[] = [];
  const dropped: Record<string, number> = {};
  const drop = (reason: DropReason) => {
    dropped[reason] = (dropped[reason] ?? 0) + 1;
  };
  for (const [row, source] of rows.entries()) {
    const sequences = sequencesOf(source);
    if (typeof sequences === 'string') drop(sequences);
    else {
      for (const { ids, labels } of sequences) {
        const reason = dropReasonOf({ ids, labels }, sequenceLen);
        if (reason) drop(reason);
        else kept.push({ row, ids: Int32Array.from(ids), labels: Int32Array.from(all ? ids : labels) });
      }
    }
  }
  return { rows: kept, dropped };
}

type Sequencer = (row: Row) => Sequence[] | DropReason;

function sequencerOf(type: DatasetType, tokenizer: TextTokenizer, sequenceLen: number, allTurns: boolean): Sequencer {
  const layout = layoutOf(type);
  if (layout.kind === 'chat') return chatSequencer(layout, tokenizer, sequenceLen, allTurns);
  const render = rendererOf(type);
  const cut = layout.kind === 'completion' ? completionChunks : instructionSequence;
  return (row) => {
    try {
      return cut(render(row), tokenizer, sequenceLen);
    } catch (error) {
      if (errorCode(error) !== 'DATASET_MISSING_COLUMN') throw error;
      return 'missing_field';
    }
  };
}

function chatSequencer(
  layout: ChatLayout,
  tokenizer: TextTokenizer,
  sequenceLen: number,
  allTurns: boolean,
): Sequencer {
  if (!('renderChat' in tokenizer)) {
    throw new BadInputError('CHAT_TEMPLATE_MISSING', 'rows that are conversations need the base’s chat template');
  }
  const chat = tokenizer as ChatTokenizer;
  const options = { sequenceLen, allTurns, turnEnds: turnEndsOf(layout, chat) };
  return (row) => {
    const conversation = conversationOf(row, layout, chat.messageProperties);
    if (typeof conversation === 'string') return conversation;
    try {
      return [chatSequence(conversation, layout, chat, options)];
    } catch (error) {
      const code = errorCode(error);
      if (code === 'CHAT_REFUSED') return 'template_refused';
      if (code === 'TOKENS_NOT_PLACED') return 'not_placed';
      throw error;
    }
  };
}

interface Sequence {
  ids: readonly number[];
  labels: readonly number[];
}

function dropReasonOf({ ids, labels }: Sequence, sequenceLen: number): DropReason | undefined {
  if (ids.length > sequenceLen) return 'over_length';
  if (ids.length < MIN_TOKENS) return 'too_short';
  return labels.some((label) => label !== IGNORED_LABEL) ? undefined : 'no_trainable_tokens';
}

/** Axolotl's `_tokenize`: BOS and text cut to `maxLength`; EOS if asked, if there is room, if it is not there already. */
function encode(tokenizer: TextTokenizer, text: string, maxLength: number, addEos: boolean): number[] {
  if (text === '') return [];
  const encoded = tokenizer.encode(text);
  const ids = (tokenizer.bosId === null ? encoded : [tokenizer.bosId, ...encoded]).slice(0, maxLength);
  if (addEos && ids.length > 0 && ids.length < maxLength && ids.at(-1) !== tokenizer.eosId) ids.push(tokenizer.eosId);
  return ids;
}

function instructionSequence(texts: RenderedRow, tokenizer: TextTokenizer, sequenceLen: number): Sequence[] {
  const prompt = encode(tokenizer, texts.prompt, sequenceLen, false);
  const withBos = encode(tokenizer, texts.response, sequenceLen, true);
  // BOS is stripped after the length rule has counted it; so is one that the answer itself spells out.
  const start = tokenizer.startTokenId ?? tokenizer.bosId;
  const response = withBos.length > 0 && withBos[0] === start ? withBos.slice(1) : withBos;
  const labels = [...prompt.map(() => IGNORED_LABEL), ...response];
  return [{ ids: [...prompt, ...response], labels }];
}

function completionChunks({ response }: RenderedRow, tokenizer: TextTokenizer, sequenceLen: number): Sequence[] {
  const ids = encode(tokenizer, response, sequenceLen * COMPLETION_LENGTHS, true);
  const chunks: Sequence[] = [];
  // An empty text makes one empty sequence, so that it is counted as dropped.
  for (let from = 0; from === 0 || from < ids.length; from += sequenceLen) {
    const chunk = ids.slice(from, from + sequenceLen);
    chunks.push({ ids: chunk, labels: [...chunk] });
  }
  return chunks;
}
