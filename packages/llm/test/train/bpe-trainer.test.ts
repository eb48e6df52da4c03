import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { byteAlphabet, tokenizerJson, trainBpe } from '../../src/train/bpe-trainer.ts';

const texts = ['low lower lowest', 'new newer newest', 'low new low new', 'wide wider widest 1234', 'naïve ☂ café'];

describe('trainBpe', () => {
  it('merges the most frequent pair first, of equals the one with the smallest ids', () => {
    const { merges } = trainBpe(['ab ab ab', 'cd cd'], 260);
    // "a b" occurs three times, then "Ġ ab" and "c d" twice each: the space has the smaller id.
    expect(merges.map((pair) => pair.join(''))).toEqual(['ab', 'Ġab', 'cd']);
  });

  it('stops when no pair occurs twice', () => {
    expect(trainBpe(['abc'], 1000).tokens).toEqual(byteAlphabet());
  });

  it('gives the same vocabulary every time', () => {
    expect(trainBpe(texts, 300)).toEqual(trainBpe(texts, 300));
  });

  it('makes a tokenizer that loses nothing and uses its merges', () => {
    const specials = ['<|endoftext|>'];
    const file = tokenizerJson(trainBpe(texts, 300), specials);
    const tokenizer = new Tokenizer(file as object, {});
    for (const text of [...texts, 'unseen text\n\twith  spaces, 日本語 and 👩‍👩‍👧']) {
      const { ids } = tokenizer.encode(text, { add_special_tokens: false });
      expect(tokenizer.decode(ids, { clean_up_tokenization_spaces: false })).toBe(text);
    }
    expect(tokenizer.encode('low new', { add_special_tokens: false }).ids).toHaveLength(2);
    expect(tokenizer.encode('<|endoftext|>', { add_special_tokens: false }).ids).toEqual([0]);
  });
});
