import { expect, it } from 'vitest';
import { lintRows } from '../src/index.ts';

it('counts what makes a loss mean nothing, with row numbers from 1', () => {
  const answer = 'a long enough answer to matter';
  const rows = [
    { instruction: 'a', output: 'yes' },
    { instruction: 'a', output: 'yes' },
    { instruction: 'b', output: '' },
    { output: 'c' },
    { instruction: `Repeat: ${answer}`, output: answer },
    { instruction: 'say yes', output: 'yes' },
    ...Array.from({ length: 7 }, (_, i) => ({ instruction: `empty ${i}`, output: null })),
  ];
  expect(lintRows(rows, 'instruct')).toEqual({
    missingField: { rows: 1, examples: [4] },
    emptyResponse: { rows: 8, examples: [3, 7, 8, 9, 10] },
    duplicate: { rows: 1, examples: [2] },
    answerInPrompt: { rows: 1, examples: [5] },
  });
});
