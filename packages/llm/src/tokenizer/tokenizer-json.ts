import { BadInputError } from '@tuning/kit';
import { z } from 'zod';

/**
 * The parts of a tokenizer.json that the library was held against Python's `tokenizers` for (test/vectors/tokenizers has
 * each family's set). Any other part is refused by name: a tokenizer that splits one text otherwise than the model was
 * trained with gives every submission a wrong loss, silently.
 */
const NORMALIZERS = ['Sequence', 'NFC', 'Prepend', 'Replace'];
const PRE_TOKENIZERS = ['Sequence', 'Split', 'ByteLevel', 'Metaspace', 'Digits'];

const partSchema = z.looseObject({ type: z.string() });
/** One normaliser, pre-tokenizer or post-processor; a `Sequence` has a list of them. */
export type Part = z.infer<typeof partSchema>;

const fileSchema = z.looseObject({
  normalizer: partSchema.nullish(),
  pre_tokenizer: partSchema.nullish(),
  post_processor: partSchema.nullish(),
  model: z.looseObject({
    // Old files leave the type out where it is BPE.
    type: z.string().nullish(),
    dropout: z.number().nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
    unk_token: z.string().nullish(),
  }),
});
export type TokenizerParts = z.infer<typeof fileSchema>;

/**
 * A parsed tokenizer.json as the library needs it: the same tokenizer, in parts that it computes as Python does.
 * @throws BadInputError `TOKENIZER_INVALID` naming the part that is not supported.
 */
export function supportedTokenizer(json: unknown): TokenizerParts {
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw invalid(`${issue.path.join('.') || 'the file'}: ${issue.message}`);
  }
  const { model, normalizer, pre_tokenizer: preTokenizer } = parsed.data;
  if (model.type != null && model.type !== 'BPE')
    throw invalid(`its model is ${model.type.slice(0, 64)}, supported is BPE`);
  for (const key of ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix'] as const) {
    if (model[key]) throw invalid(`its model has a ${key}, which is not supported`);
  }
  requireKnown('normalizer', normalizer, NORMALIZERS, 'normalizers');
  requireKnown('pre-tokenizer', preTokenizer, PRE_TOKENIZERS, 'pretokenizers');
  return { ...parsed.data, pre_tokenizer: preTokenizer ? asSplits(preTokenizer) : null };
}

function requireKnown(what: string, part: Part | null | undefined, known: readonly string[], list: string): void {
  if (!part) return;
  if (!known.includes(part.type)) {
    throw invalid(`it has a ${what} ${part.type.slice(0, 64)}, supported are ${known.join(', ')}`);
  }
  for (const inner of partsOf(part, list)) requireKnown(what, inner, known, list);
}

/** What `ByteLevel` with `use_regex` splits at (GPT-2's pattern, in `tokenizers`' byte_level.rs). */
const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * Pre-tokenizers whose own patterns the library takes from JavaScript, where `\d` is ASCII and `\s` has U+FEFF but not
 * U+0085, written as a `Split`, whose pattern it translates to Python's meaning.
 */
function asSplits(part: Part): Part {
  if (part.type === 'Sequence') return { ...part, pretokenizers: partsOf(part, 'pretokenizers').map(asSplits) };
  if (part.type === 'Digits') return split(part['individual_digits'] === true ? '\\p{N}' : '\\p{N}+');
  if (part.type !== 'ByteLevel') return part;
  if (part['add_prefix_space'] === true)
    throw invalid('its pre-tokenizer ByteLevel has add_prefix_space, which is not supported');
  if (part['use_regex'] === false) return part;
  return { type: 'Sequence', pretokenizers: [split(GPT2_PATTERN), { ...part, use_regex: false }] };
}

function split(Regex: string): Part {
  return { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false };
}

/** The parts in a `Sequence`; none for any other part. @param list what the file calls the list. */
export function partsOf(part: Part, list: string): Part[] {
  if (part.type !== 'Sequence') return [];
  const parsed = z.array(partSchema).max(64).safeParse(part[list]);
  if (!parsed.success) throw invalid(`${list}: ${parsed.error.issues[0]!.message}`);
  return parsed.data;
}

function invalid(problem: string): BadInputError {
  return new BadInputError('TOKENIZER_INVALID', `tokenizer.json is not usable: ${problem}`);
}
