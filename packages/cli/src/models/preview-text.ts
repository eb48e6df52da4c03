import type { Preview } from './preview.ts';

/** Longer stretches are cut in the middle: a preview is read by people. */
const MAX_CHARS = 1_200;
const MASKED = '\x1b[2m';
const TRAINED = '\x1b[1;32m';
const RESET = '\x1b[0m';

/**
 * Counts, then sequences as text: masked tokens dim, trained ones bold and green.
 * @param colour with ANSI colours, for a terminal; without them trained text stands in «…».
 */
export function previewText({ kept, dropped, tokens, trainedTokens, sequences }: Preview, colour: boolean): string {
  const reasons = Object.entries(dropped).map(([reason, rows]) => `${rows} ${reason.replaceAll('_', ' ')}`);
  const lines = [
    `${kept} sequences of ${tokens} tokens, ${trainedTokens} of them trained`,
    `dropped: ${reasons.join(', ') || 'none'}`,
  ];
  const legend = colour ? `${MASKED}masked${RESET} ${TRAINED}trained${RESET}` : 'masked «trained»';
  if (sequences.length > 0) lines.push(legend);
  for (const { row, parts } of sequences) {
    const trained = parts.reduce((sum, part) => sum + (part.trained ? part.tokens : 0), 0);
    const all = parts.reduce((sum, part) => sum + part.tokens, 0);
    lines.push('', `row ${row}: ${all} tokens, ${trained} trained`);
    lines.push(parts.map(({ text, trained: isTrained }) => marked(readable(cut(text)), isTrained, colour)).join(''));
  }
  return lines.map((line) => `${line}\n`).join('');
}

function marked(text: string, trained: boolean, colour: boolean): string {
  if (!colour) return trained ? `«${text}»` : text;
  return `${trained ? TRAINED : MASKED}${text}${RESET}`;
}

function cut(text: string): string {
  const chars = [...text];
  if (chars.length <= MAX_CHARS) return text;
  const half = MAX_CHARS / 2;
  const left = chars.length - MAX_CHARS;
  return `${chars.slice(0, half).join('')} [… ${left} characters …] ${chars.slice(-half).join('')}`;
}

/** Line ends are seen; other control and format characters must not steer the terminal. */
function readable(text: string): string {
  return text.replaceAll(/\p{C}/gu, (char) =>
    char === '\n' ? '↵\n' : `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}
