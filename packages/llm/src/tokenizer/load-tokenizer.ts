import { Tokenizer } from '@huggingface/tokenizers';
import { BadInputError, errorCode } from '@tuning/kit';
import { LIMITS, type TextTokenizer } from '@tuning/protocol';
import { z } from 'zod';
import { readJsonFile } from '../config/json-file.ts';
import { supportedTokenizer, type TokenizerParts } from './tokenizer-json.ts';

/** A special token as tokenizer_config.json writes it: its text, or an AddedToken object. */
const specialToken = z
  .union([z.string(), z.looseObject({ content: z.string() })])
  .nullish()
  .transform((token) => (typeof token === 'object' ? token?.content : token));

const tokenizerConfigSchema = z.looseObject({
  bos_token: specialToken,
  eos_token: specialToken,
  add_bos_token: z.boolean().nullish(),
});

/** Of config.json only the ids that stand in where tokenizer_config.json names no end token. */
const idsSchema = z.looseObject({
  eos_token_id: z.union([z.number().int(), z.array(z.number().int()).min(1)]).nullish(),
});

export interface ModelTokenizer extends TextTokenizer {
  /** Text of `ids`; special tokens are kept unless `skipSpecial`. */
  decode(ids: readonly number[], skipSpecial?: boolean): string;
}

/**
 * The tokenizer of a model folder we trust (the base's): tokenizer.json, with the special tokens that
 * tokenizer_config.json and, for the end token, config.json name. Never for a submission's folder: its split patterns
 * run as regular expressions. Loading (about a second for 128k tokens) and encoding block the event loop.
 * @throws BadInputError `FILE_MISSING`, `FILE_INVALID`, `TOKENIZER_INVALID`.
 */
export async function loadTokenizer(dir: string): Promise<ModelTokenizer> {
  return (await openTokenizer(dir)).tokenizer;
}

/** A tokenizer with what it is made of. */
export interface OpenTokenizer {
  tokenizer: ModelTokenizer;
  library: Tokenizer;
  parts: TokenizerParts;
}

/** `loadTokenizer` for this package, which may need the parts. @throws as `loadTokenizer`. */
export async function openTokenizer(dir: string): Promise<OpenTokenizer> {
  const json = await readJsonFile(dir, 'tokenizer.json', LIMITS.tokenizerBytes);
  const config = tokenizerConfigSchema.safeParse(await optionalJson(dir, 'tokenizer_config.json'));
  if (!config.success) throw invalid(`tokenizer_config.json: ${config.error.issues[0]!.message}`);
  const parts = supportedTokenizer(json);
  let library: Tokenizer;
  try {
    library = new Tokenizer(parts, config.data);
  } catch (cause) {
    throw new BadInputError('TOKENIZER_INVALID', `tokenizer.json is not usable: ${String(cause)}`, { cause });
  }
  const encode = (text: string, special = false) => library.encode(text, { add_special_tokens: special }).ids;
  const idOf = (token: string): number => {
    const id = library.token_to_id(token);
    if (id === undefined)
      throw invalid(`tokenizer_config.json names the token ${JSON.stringify(token)}, which is not in it`);
    return id;
  };
  const { bos_token: bos, eos_token: eos, add_bos_token: addBos } = config.data;
  const eosId = eos == null ? await configuredEos(dir) : idOf(eos);
  if (eosId === undefined) throw invalid('neither tokenizer_config.json nor config.json names an end token');
  const bosId = addBos == null ? leadingToken(encode) : addBos && bos != null ? idOf(bos) : null;
  const tokenizer: ModelTokenizer = {
    encode: (text) => encode(text),
    decode: (ids, skipSpecial = false) =>
      // The library refuses an empty list; its clean-up would turn "Hello , world" into another text.
      ids.length === 0
        ? ''
        : library.decode([...ids], { skip_special_tokens: skipSpecial, clean_up_tokenization_spaces: false }),
    bosId,
    startTokenId: (bos == null ? undefined : library.token_to_id(bos)) ?? bosId,
    eosId,
    vocabularySize: library.get_vocab(true).size,
  };
  return { tokenizer, library, parts };
}

/** The id that the post-processor puts before a text, or null. */
function leadingToken(encode: (text: string, special: boolean) => number[]): number | null {
  const plain = encode('a', false);
  const full = encode('a', true);
  return full.length > plain.length && full[0] !== plain[0] ? full[0]! : null;
}

async function configuredEos(dir: string): Promise<number | undefined> {
  const ids = idsSchema.safeParse(await optionalJson(dir, 'config.json'));
  const eos = ids.success ? ids.data.eos_token_id : undefined;
  return (Array.isArray(eos) ? eos[0] : eos) ?? undefined;
}

async function optionalJson(dir: string, name: string): Promise<unknown> {
  try {
    return await readJsonFile(dir, name, LIMITS.jsonFileBytes);
  } catch (error) {
    if (errorCode(error) === 'FILE_MISSING') return {};
    throw error;
  }
}

function invalid(problem: string): BadInputError {
  return new BadInputError('TOKENIZER_INVALID', `the tokenizer is not usable: ${problem}`);
}
