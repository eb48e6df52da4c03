import { describe, expect, it } from 'vitest';
import { type LintCode, lintRows, lintRowsAsync, type Row } from '../src/index.ts';

const OPTIONS = { sequenceLen: 256 };
const words = (i: number) => `the house number${i} near river${i} has a roof of tiles${i} and walls${i}`;

/** Row numbers by finding. */
function lint(rows: Row[], type: Parameters<typeof lintRows>[1] = 'instruct'): Partial<Record<LintCode, number[]>> {
  return Object.fromEntries(lintRows(rows, type, OPTIONS).findings.map(({ code, examples }) => [code, examples]));
}

describe('lintRows', () => {
  it('finds what makes a loss mean nothing, with row numbers from 1', () => {
    const answer = 'a long enough answer to matter';
    const rows: Row[] = [
      { instruction: 'What is near the first river?', output: words(1) },
      { instruction: 'What is near the first river?', output: words(1) },
      { instruction: 'What is near the first river now?', output: words(1) },
      { instruction: 'b', output: ' ' },
      { output: 'c' },
      { instruction: `Repeat: ${answer}`, output: answer },
      { instruction: 'say yes', output: 'yes' },
      { instruction: 'everything', output: 'long '.repeat(300) },
    ];
    const report = lintRows(rows, 'instruct', OPTIONS);
    expect(report).toMatchObject({ rows: 8, distinct: 6 });
    expect(lint(rows)).toEqual({
      missing_column: [5],
      empty_answer: [4],
      answer_in_prompt: [6],
      exact_duplicate: [2],
      near_duplicate: [3],
      long_row: [8],
    });
    expect(report.findings.find(({ code }) => code === 'exact_duplicate')).toMatchObject({
      severity: 'warning',
      done: 'kept on one side',
      rows: 1,
    });
  });

  it('tells an answer that is given over and over, but not of plain texts', () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({
      instruction: words(i),
      output: i < 12 ? 'noun' : words(i + 50),
    }));
    expect(lint(rows).one_answer).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(lint(rows.slice(6)).one_answer).toBeUndefined();
    expect(
      lint(
        Array.from({ length: 30 }, () => ({ text: words(1) })),
        'completion',
      ),
    ).toEqual({
      exact_duplicate: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    });
  });

  const found: [LintCode, string][] = [
    ['personal_email', 'Write to jane.doe+x@mail.example.co.uk today'],
    ['personal_phone', 'Call +44 20 7946 0958 after six'],
    ['personal_phone', 'Call (212) 555-0188'],
    ['personal_iban', 'Pay to GB82 WEST 1234 5698 7654 32'],
    ['personal_iban', 'Pay to DE89370400440532013000.'],
    ['personal_card', 'Card 4111 1111 1111 1111, please'],
    ['personal_ip', 'The server is 192.168.10.7'],
    ['secret_key', `token ghp_${'a1B2'.repeat(9)}`],
    ['secret_key', '-----BEGIN RSA PRIVATE KEY-----'],
    ['encoding_fault', 'CafÃ© au lait'],
    ['encoding_fault', 'It\u00e2\u20ac\u2122s wrong'],
    ['encoding_fault', 'a \uFFFD b'],
    ['encoding_fault', 'bell \u0007'],
    ['encoding_fault', 'half \ud800 pair'],
  ];
  it.each(found)('finds %s in "%s"', (code, text) => {
    expect(lint([{ text }], 'completion')).toEqual({ [code]: [1] });
    // Also where a pattern's window begins in a long row.
    expect(lint([{ text: `${'x '.repeat(4_090)} ${text}` }], 'completion')).toMatchObject({ [code]: [1] });
  });

  it.each([
    'Café, naïve, 東京, emoji 👍🏽 and “quotes”',
    'version 10.4.300.1 and 1.2.3.4.5',
    'the year 2024-11-24, order 1234567890, ISBN 978-3-16-148410-0',
    'card 4111 1111 1111 1112, and GB82 WEST 1234 5698 7654 33',
    'handle @name, 3 @ 4, a@b',
    'sk-short and AKIA',
    'PHI = 1.6180339887498948482',
  ])('finds nothing in "%s"', (text) => {
    expect(lint([{ text }], 'completion')).toEqual({});
  });

  it('gives the same in slices, lets the event loop turn, and can be aborted', async () => {
    const rows = Array.from({ length: 3_000 }, (_, i) => ({ instruction: words(i), output: words(i + 1) }));
    rows[7] = { instruction: 'x', output: 'a@b.example '.repeat(40_000) };
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const report = await lintRowsAsync(rows, 'instruct', OPTIONS);
    clearInterval(timer);
    expect(report).toEqual(lintRows(rows, 'instruct', OPTIONS));
    expect(report.findings.map(({ code }) => code)).toContain('personal_email');
    expect(turns).toBeGreaterThan(3);
    await expect(lintRowsAsync(rows, 'instruct', OPTIONS, AbortSignal.abort())).rejects.toThrow();
  });
});

describe('rows that stand in other rows too', () => {
  const rows = Array.from({ length: 30 }, (_, i) => ({ instruction: words(i), output: words(i + 100) }));
  const other = [
    { instruction: words(900), output: words(901) },
    rows[4]!,
    { ...rows[9]!, output: `${words(109)} more` },
  ];

  it('are found, copies and near copies apart, and rows among themselves as before', () => {
    const report = lintRows([...rows, rows[4]!, rows[7]!], 'instruct', { ...OPTIONS, across: other });
    expect(report.distinct).toBe(30);
    expect(Object.fromEntries(report.findings.map(({ code, examples }) => [code, examples]))).toEqual({
      exact_across: [5, 31],
      near_across: [10],
      exact_duplicate: [31, 32],
    });
    expect(lintRows(rows, 'instruct', { ...OPTIONS, across: other.slice(0, 1) }).findings).toEqual([]);
  });
});
