/** Consecutive words that count as one sequence. */
const GRAM_WORDS = 3;
/** Text beyond this says nothing new about a copy, and would cost memory. */
const MAX_CHARS = 32_768;
/** Scripts without spaces count by character, all else by runs of letters and digits. */
const WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}\p{M}]+/gu;

/** Words in lower case; of a text without letters and digits, its characters. */
export function wordsOf(text: string): string[] {
  const cut = text.slice(0, MAX_CHARS);
  return cut.toLowerCase().match(WORD) ?? cut.match(/\S/gu) ?? [];
}

/** Each `n` words in a row; all of them as one where there are fewer. */
export function gramsOf(words: readonly string[], n = GRAM_WORDS): string[] {
  if (words.length === 0) return [];
  if (words.length <= n) return [words.join(' ')];
  return Array.from({ length: words.length - n + 1 }, (_, at) => words.slice(at, at + n).join(' '));
}
