import type { SeededRandom } from '../split/random.ts';
import { withSynonyms } from './synonyms.ts';

/** A changed text that still says nearly the same, or undefined where the edit does not apply. */
export type TextEdit = (text: string, random: SeededRandom) => string | undefined;

/** Code, markup and lists lose their sense when sentences or words move. */
const looksStructured = (text: string) => /\n|```|[{}<>]|=>|\S=\S|(?:^|\s)\d+[.)]\s/.test(text);
const prose =
  (edit: TextEdit): TextEdit =>
  (text, random) =>
    looksStructured(text) ? undefined : edit(text, random);

const sentencesOf = (text: string) => text.split(/(?<=[.!?])\s+(?=[A-Z"'])/);
const clausesOf = (text: string) => text.split(/;\s+/);

function swapNeighbours(parts: string[], random: SeededRandom): string[] {
  const i = random.below(parts.length - 1);
  return [...parts.slice(0, i), parts[i + 1]!, parts[i]!, ...parts.slice(i + 2)];
}

const swapSentences: TextEdit = (text, random) => {
  const parts = sentencesOf(text);
  return parts.length < 2 || !/[.!?]["']?$/.test(text) ? undefined : swapNeighbours(parts, random).join(' ');
};

const swapClauses: TextEdit = (text, random) => {
  const parts = clausesOf(text);
  return parts.length < 2 || /[.!?]/.test(text) ? undefined : swapNeighbours(parts, random).join('; ');
};

const dropSentence: TextEdit = (text) => {
  const parts = sentencesOf(text);
  return parts.length < 3 ? undefined : parts.slice(0, -1).join(' ');
};

const dropClause: TextEdit = (text) => {
  const parts = clausesOf(text);
  return parts.length < 2 ? undefined : parts.slice(0, -1).join('; ') + (/[.!?]$/.exec(text)?.[0] ?? '');
};

const dropParenthesis: TextEdit = (text) => {
  const without = text.replace(/ ?\([^()]{1,200}\)/, '').trim();
  return without === text || without.length < text.length / 3 ? undefined : without;
};

const SMALL_WORDS = new Set(
  'a an the of to in on by for with from at as is are be it that which who not and or but'.split(' '),
);

/** "a monastery or convent" becomes "a convent or monastery": two single words before the end of a clause. */
const swapConjuncts: TextEdit = (text) => {
  let changed = false;
  const result = text.replace(
    /\b([a-z]{3,}) (or|and) ([a-z]{3,})(?=$|[;,.])/,
    (all, a: string, word: string, b: string) => {
      if (
        SMALL_WORDS.has(a) ||
        SMALL_WORDS.has(b) ||
        isPlural(a) !== isPlural(b) ||
        startsWithVowel(a) !== startsWithVowel(b)
      ) {
        return all;
      }
      changed = true;
      return `${b} ${word} ${a}`;
    },
  );
  return changed && result !== text ? result : undefined;
};
const isPlural = (word: string) => word.endsWith('s');
/** So that an article before the pair stays right. */
const startsWithVowel = (word: string) => /^[aeiou]/.test(word);

/** Edits that change words or their order. */
export const CONTENT_EDITS: readonly (readonly [name: string, edit: TextEdit])[] = [
  ['synonyms', prose(withSynonyms)],
  ['swap_conjuncts', prose(swapConjuncts)],
  ['swap_clauses', prose(swapClauses)],
  ['swap_sentences', prose(swapSentences)],
  ['drop_clause', prose(dropClause)],
  ['drop_parenthesis', prose(dropParenthesis)],
  ['drop_sentence', prose(dropSentence)],
];

/** Sentence case with a full stop for a bare phrase, and the other way round. */
export const restyle: TextEdit = prose((text) => {
  if (/^[a-z]/.test(text) && /\w$/.test(text)) return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
  if (/^(?!I )[A-Z][a-z]* /.test(text) && /[a-z]\.$/.test(text) && sentencesOf(text).length === 1) {
    return text[0]!.toLowerCase() + text.slice(1, -1);
  }
  return undefined;
});
