import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseWeights, shares } from '../src/commands/weights.ts';
import { parseTao, taoText } from '../src/tao-amount.ts';
import { jsonText, textTable } from '../src/text-table.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

it('aligns columns, numbers to the right', () => {
  const table = textTable<[number, string, boolean]>(
    [
      { title: 'UID', value: ([uid]) => uid },
      { title: 'NAME', value: ([, name]) => name },
      { title: 'OK', value: ([, , ok]) => ok },
    ],
    [
      [7, 'first', true],
      [1234, 'x', false],
    ],
  );
  expect(table).toBe(' UID  NAME   OK\n   7  first  yes\n1234  x      -\n');
});

it('lets no text from the chain steer the terminal', () => {
  const table = textTable([{ title: 'T', value: (row: string) => row }], ['\u001b[2Jgone\né']);
  expect(table).toBe('T\n\\u001b[2Jgone\\u000a\\u00e9\n');
});

it('writes amounts and bytes as JSON has them', () => {
  expect(JSON.parse(jsonText({ stake: 2n ** 60n, key: Uint8Array.of(1, 255), none: undefined }))).toEqual({
    stake: '1152921504606846976',
    key: '01ff',
  });
});

it('reads and writes TAO exactly', () => {
  expect([parseTao('1.5'), parseTao('0'), parseTao('0.000000001')]).toEqual([1_500_000_000n, 0n, 1n]);
  for (const text of ['', '-1', '1.', '1e3', '0.0000000001', 'one', '123456789']) {
    expect(() => parseTao(text), text).toThrow(code('AMOUNT_INVALID'));
  }
  expect(taoText(1_234_567_891n, 3)).toBe('1.234');
  expect(taoText(10_000_000_000n)).toBe('10');
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 16n }), (rao) => {
      expect(parseTao(taoText(rao))).toBe(rao);
    }),
  );
});

it('reads weights of uids and hotkeys, and shows shares', () => {
  const neurons = [
    { uid: 3, hotkey: '5Three' },
    { uid: 5, hotkey: '5Five' },
  ];
  expect(parseWeights(['3=1', '5Five=0.5'], neurons)).toEqual([
    { hotkey: '5Three', weight: 1 },
    { hotkey: '5Five', weight: 0.5 },
  ]);
  for (const item of ['4=1', '3', '3=', '3=-1', '3=x', '=1', '3=1=2']) {
    expect(() => parseWeights([item], neurons), item).toThrow(code('WEIGHTS_INVALID'));
  }
  expect(shares([1, 2, 3], [16384, 65535, 0])).toBe('2=80.0% 1=20.0%');
});
