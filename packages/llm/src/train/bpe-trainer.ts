/**
 * GPT-2's pre-tokenisation with single digits. The same pattern goes into tokenizer.json as the Split pattern, so that
 * training and encoding cut a text alike.
 */
export const BPE_SPLIT = String.raw`'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

export interface BpeVocabulary {
  /** Text of each token in GPT-2's byte alphabet; the first 256 are the bytes. */
  readonly tokens: readonly string[];
  /** Pairs of token texts in the order they were merged. */
  readonly merges: readonly (readonly [string, string])[];
}

/** GPT-2's byte alphabet: printable Latin-1 bytes stand for themselves, the others for U+0100 and up. */
export function byteAlphabet(): string[] {
  const letters: string[] = [];
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    letters.push(String.fromCharCode(printable ? byte : next++));
  }
  return letters;
}

interface Piece {
  readonly count: number;
  ids: number[];
}

const KEY_BASE = 65_536;

/**
 * Trains a byte-level BPE vocabulary of `size` tokens (specials not counted). Deterministic: of equally frequent pairs
 * the one with the smallest ids is merged first. Stops early when no pair occurs twice.
 */
export function trainBpe(texts: Iterable<string>, size: number): BpeVocabulary {
  const pieces = countPieces(texts);
  const pairs = new Map<number, { count: number; pieces: Set<Piece> }>();
  const addPairs = (piece: Piece, sign: 1 | -1): void => {
    for (let i = 1; i < piece.ids.length; i++) {
      const key = (piece.ids[i - 1] as number) * KEY_BASE + (piece.ids[i] as number);
      let pair = pairs.get(key);
      if (pair === undefined) {
        pair = { count: 0, pieces: new Set() };
        pairs.set(key, pair);
      }
      pair.count += sign * piece.count;
      if (sign === 1) pair.pieces.add(piece);
      else if (pair.count === 0) pairs.delete(key);
    }
  };
  for (const piece of pieces) addPairs(piece, 1);

  const tokens = byteAlphabet();
  const merges: [string, string][] = [];
  while (tokens.length < size) {
    const best = mostFrequent(pairs);
    if (best === undefined) break;
    const left = Math.floor(best / KEY_BASE);
    const right = best % KEY_BASE;
    const merged = tokens.length;
    tokens.push((tokens[left] as string) + (tokens[right] as string));
    merges.push([tokens[left] as string, tokens[right] as string]);
    for (const piece of [...(pairs.get(best)?.pieces ?? [])]) {
      addPairs(piece, -1);
      piece.ids = mergePair(piece.ids, left, right, merged);
      addPairs(piece, 1);
    }
    pairs.delete(best);
  }
  return { tokens, merges };
}

function countPieces(texts: Iterable<string>): Piece[] {
  const pattern = new RegExp(BPE_SPLIT, 'gu');
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const piece of text.match(pattern) ?? []) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  return [...counts].map(([text, count]) => ({ count, ids: [...Buffer.from(text, 'utf8')] }));
}

function mostFrequent(pairs: ReadonlyMap<number, { count: number }>): number | undefined {
  let best: number | undefined;
  let bestCount = 1;
  for (const [key, { count }] of pairs) {
    if (count > bestCount || (count === bestCount && best !== undefined && key < best)) {
      best = key;
      bestCount = count;
    }
  }
  return best;
}

function mergePair(ids: readonly number[], left: number, right: number, merged: number): number[] {
  const result: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      result.push(merged);
      i++;
    } else result.push(ids[i] as number);
  }
  return result;
}

/** Content of a Hugging Face tokenizer.json: ids 0 … S−1 are the specials, the vocabulary follows. */
export function tokenizerJson(vocabulary: BpeVocabulary, specials: readonly string[]): unknown {
  const all = [...specials, ...vocabulary.tokens];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: BPE_SPLIT }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(all.map((token, id) => [token, id])),
      merges: vocabulary.merges.map(([left, right]) => `${left} ${right}`),
    },
  };
}
