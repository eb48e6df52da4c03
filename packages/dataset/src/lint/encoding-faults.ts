/** Replacement and control characters, lone surrogates, byte order marks inside a text. */
const BROKEN = /[\uFFFD\uFEFF\p{Surrogate}]|(?![\t\n\r])\p{Cc}/u;
/** UTF-8 read as Windows-1252 or Latin-1: the first byte of a sequence as a letter, then what only the rest of one gives. */
const MOJIBAKE =
  /[\u00C2-\u00C3][\u0080-\u00BF\u2018-\u2022\u20AC\u2122\u0153\u0178\u017D\u017E]|\u00E2(?:\u20AC|\u0080)|\u00F0\u0178/;

/** Whether a text seems to have been decoded wrongly, or holds what no text should. */
export function hasEncodingFault(text: string): boolean {
  return BROKEN.test(text) || MOJIBAKE.test(text);
}
