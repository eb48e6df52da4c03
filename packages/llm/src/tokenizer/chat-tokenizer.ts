import { BadInputError } from '@tuning/kit';
import { type ChatTokenizer, chatTypeOf, type DatasetType } from '@tuning/protocol';
import { loadChatTemplate } from './chat-template.ts';
import { type ModelTokenizer, openTokenizer } from './load-tokenizer.ts';
import { TokenPlacer } from './token-places.ts';

/**
 * Tokenizer and chat template of a model folder we trust (the base's), for rows that are conversations. What it renders
 * has no limit of time or memory: only in a sealed job.
 * @throws BadInputError `CHAT_TEMPLATE_MISSING`, `CHAT_TEMPLATE_INVALID`, and those of `loadTokenizer`.
 */
export async function loadChatTokenizer(dir: string): Promise<ModelTokenizer & ChatTokenizer> {
  const template = await loadChatTemplate(dir);
  if (!template) {
    throw new BadInputError(
      'CHAT_TEMPLATE_MISSING',
      'the base model has no chat template, which a dataset of conversations needs: use an instruct model or another dataset type',
    );
  }
  const { tokenizer, library, parts } = await openTokenizer(dir);
  const placer = new TokenPlacer(parts, [...library.get_added_tokens_decoder().values()]);
  return {
    ...tokenizer,
    chatTemplate: template.source,
    messageProperties: template.messageProperties,
    renderChat: (messages, tools) =>
      template.render({ messages: [...messages], ...(tools ? { tools: tools as Record<string, unknown>[] } : {}) }),
    encodeWithPlaces: (text) => {
      const { ids, tokens } = library.encode(text, { add_special_tokens: false });
      return { ids, ...placer.place(text, tokens) };
    },
  };
}

/** The tokenizer that rows of a type need: with the chat template where they are conversations. */
export function loadTokenizerFor(type: DatasetType, dir: string): Promise<ModelTokenizer> {
  return chatTypeOf(type) ? loadChatTokenizer(dir) : openTokenizer(dir).then(({ tokenizer }) => tokenizer);
}
