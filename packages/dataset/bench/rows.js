// Rows of the data bench: the same for the same number on every machine, none of them kept.

const VOCABULARY = 16_384;
const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz';
/** Every tenth row is an earlier one with one word changed. */
const COPY_EVERY = 10;

/** 32 bits of two numbers, murmur3's finaliser twice: no state, so no two rows are windows of one sequence. */
function mixed(a, b) {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  for (let i = 0; i < 2; i++) {
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
  }
  return (h ^ (h >>> 16)) >>> 0;
}

const WORDS = Array.from({ length: VOCABULARY }, (_, word) => {
  const length = 2 + (mixed(word, 1) % 9);
  return Array.from({ length }, (_, at) => LETTERS[Math.floor(26 * (mixed(word, at + 2) / 2 ** 32) ** 1.5)]).join('');
});

/** The common words are more common. */
const wordOf = (row, at) => WORDS[Math.floor(VOCABULARY * (mixed(row, at) / 2 ** 32) ** 2)];

export const isCopy = (row) => row % COPY_EVERY === COPY_EVERY - 1;

/** The row that a copy was made of: an earlier one that is no copy. */
export function originalOf(row) {
  const original = mixed(row, 0xc0) % row;
  return isCopy(original) ? original - 1 : original;
}

/** Some 1,000 bytes as JSON: 9 to 15 words of instruction, 60 to 240 of answer. */
export function rowOf(row) {
  const source = isCopy(row) ? originalOf(row) : row;
  const text = (from, count) => Array.from({ length: count }, (_, at) => wordOf(source, from + at));
  const answer = text(100, 60 + (mixed(source, 0xa1) % 181));
  if (isCopy(row)) answer[mixed(row, 0xc1) % answer.length] = `changed${row}`;
  return { instruction: `${text(0, 9 + (mixed(source, 0xa2) % 7)).join(' ')}?`, output: `${answer.join(' ')}.` };
}
