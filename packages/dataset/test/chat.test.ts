import type { ChatMessage, ChatTokenizer } from '@tuning/protocol';
import { IGNORED_LABEL } from '@tuning/protocol';
import { describe, expect, test } from 'vitest';
import {
  augmentGenerator,
  lintRows,
  measureSynthetic,
  type Row,
  requireColumns,
  splitRows,
  synthesise,
  toJsonLines,
  tokenise,
} from '../src/index.ts';

const SEED = new Uint8Array(32).fill(7);
const say = (role: string, content: string) => ({ role, content });
const talk = (question: string, answer: string): Row => ({
  messages: [say('system', 'Be brief.'), say('user', question), say('assistant', answer)],
});
const dropsOf = (...rows: Row[]) => tokenise(rows, 'chat', fakeChatTokenizer(), 512).dropped;

/** A token a character; `|` ends a turn; a message of the role `angry` is refused, as templates do. */
function fakeChatTokenizer(): ChatTokenizer {
  const encode = (text: string) => Array.from(text, (char) => char.charCodeAt(0));
  return {
    encode,
    bosId: null,
    eosId: '|'.charCodeAt(0),
    vocabularySize: 65_536,
    chatTemplate: '{role}:{content}| ! ',
    messageProperties: new Set(['role', 'content']),
    renderChat: (messages: readonly ChatMessage[]) => {
      if (messages.some(({ role }) => role === 'angry')) {
        throw Object.assign(new Error('not taken'), { code: 'CHAT_REFUSED' });
      }
      return messages.map(({ role, content }) => `${role}:${String(content)}|`).join('');
    },
    encodeWithPlaces: (text) => {
      const ids = encode(text);
      return { ids, starts: ids.map((_, at) => at), ends: ids.map((_, at) => at + 1) };
    },
  };
}

const trainedText = (row: Row, type: Parameters<typeof tokenise>[1]) => {
  const [sequence] = tokenise([row], type, fakeChatTokenizer(), 512).rows;
  return sequence && String.fromCharCode(...sequence.labels.filter((label) => label !== IGNORED_LABEL));
};

describe('tokenise', () => {
  test('trains what is said by trained roles, and their end', () => {
    const row = { messages: [say('user', 'a'), say('assistant', 'one'), say('user', 'b'), say('assistant', 'two')] };
    expect(trainedText(row, 'chat')).toBe('one|two|');
    const kind = { type: 'chat_template' as const };
    expect(trainedText(row, { ...kind, train_on_eos: 'none' })).toBe('onetwo');
    expect(trainedText(row, { ...kind, train_on_eos: 'last' })).toBe('onetwo|');
    expect(trainedText(row, { ...kind, train_on_eos: 'all' })).toBe('|one||two|');
    expect(trainedText(row, { ...kind, roles_to_train: ['human'] })).toBe('a|b|');
    // Another token that ends a turn: the first of its kind within three tokens behind it.
    const odd = { messages: [say('assistant', 'yes'), say('!', 'x')] };
    expect(trainedText(odd, { ...kind, eot_tokens: ['!'] })).toBe('yes|!');
    expect(trainedText(odd, { ...kind, eot_tokens: ['not in the template'] })).toBe('yes|');
    expect(() => trainedText(odd, { ...kind, eot_tokens: ['| !'] })).toThrow(/eot_tokens.*no token/);
  });

  test('reads other names of columns, properties and roles', () => {
    const row = {
      conversations: [
        { from: 'human', value: 'a' },
        { from: 'gpt', value: 'one' },
      ],
    };
    expect(trainedText(row, 'sharegpt')).toBe('one|');
    const type = {
      type: 'chat_template' as const,
      field_messages: 'turns',
      message_property_mappings: { role: 'who', content: 'what' },
      roles: { user: ['ask'], assistant: ['tell'] },
      roles_to_train: ['tell'],
    };
    expect(
      trainedText(
        {
          turns: [
            { who: 'ask', what: 'a' },
            { who: 'tell', what: 'one' },
          ],
        },
        type,
      ),
    ).toBe('one|');
  });

  test('counts what is no conversation by what is wrong with it', () => {
    const messages = Array.from({ length: 1_025 }, () => say('user', 'x'));
    expect(
      dropsOf(
        { text: 'x' },
        { messages: null },
        { messages: 'no JSON' },
        { messages: 7 },
        { messages: ['hi'] },
        { messages: [{ role: 'user', content: 5 }] },
        { messages: [{ role: 'user', content: [{ type: 'text', text: 'x', train: false }] }] },
        { messages: [] },
        { messages },
        { messages: [{ content: 'x' }] },
        { messages: [{ role: 5, content: 'x' }] },
        { messages: [say('angry', 'x')] },
        { messages: [say('user', 'a question only')] },
        talk('long', 'x'.repeat(600)),
      ),
    ).toEqual({
      missing_field: 2,
      bad_conversation: 5,
      empty_conversation: 1,
      too_many_turns: 1,
      bad_role: 2,
      template_refused: 1,
      no_trainable_tokens: 1,
      over_length: 1,
    });
  });

  test('a text nested as deep as it likes ends one row only', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    expect(dropsOf({ messages: deep }, { messages: [{ ...say('user', 'x'), more: JSON.parse(deep) }] })).toEqual({
      bad_conversation: 2,
    });
  });

  test('a JSON text with more values than a row may have is not parsed', () => {
    const flat = `[${'1,'.repeat(1_000_000)}1]`;
    const started = performance.now();
    expect(dropsOf({ messages: flat }, { messages: [say('user', 'x')], tools: flat })).toEqual({ bad_conversation: 2 });
    expect(performance.now() - started).toBeLessThan(500);
  });

  test('names like those of Object are properties like any others', () => {
    const message = JSON.parse('{"role":"assistant","content":"one","__proto__":{"content":"x"},"constructor":"y"}');
    expect(trainedText({ messages: [message] }, 'chat')).toBe('one|');
    expect(dropsOf({ messages: [JSON.parse('{"__proto__":{"role":"user","content":"x"}}')] })).toEqual({ bad_role: 1 });
  });
});

test('the column must be there', () => {
  expect(() => requireColumns(['text'], 'chat')).toThrow(/no column "messages"/);
  expect(() => requireColumns(['messages'], 'sharegpt')).toThrow(/no column "conversations"/);
  requireColumns(['conversations'], 'sharegpt');
});

describe('near-duplicates', () => {
  const words = (i: number) =>
    `Stone ${i} lies ${i * 7} feet under the ${i * 13} grass of field ${i * 31} and ${i * 3}`;

  test('conversations that say the same stay on one side, whatever their system text', () => {
    const rows = Array.from({ length: 40 }, (_, i) => talk(words(i), words(i + 1000)));
    const copies = rows.map((row) => ({ messages: (row['messages'] as object[]).slice(1), id: 'x' }));
    const { train, test: held } = splitRows([...rows, ...copies], SEED, { type: 'chat' });
    const inTest = new Set(held);
    expect(held.length).toBeGreaterThan(9);
    expect(held.every((index) => inTest.has((index + 40) % 80))).toBe(true);
    expect(train.length + held.length).toBe(80);
  });
});

test('lint tells bad conversations, unknown roles and answers that were given before', () => {
  const answer = 'The answer that stands in the question.';
  const rows = [
    talk('What?', 'That one, of course.'),
    talk(`Repeat: ${answer}`, answer),
    { messages: [say('user', 'x'), say('critic', 'y'), say('assistant', 'A third answer.')] },
    { messages: 'none' },
    { messages: [say('user', 'nobody answers')] },
    { messages: null },
  ];
  const { findings } = lintRows(rows, 'chat', { sequenceLen: 128 });
  const found = Object.fromEntries(findings.map(({ code, examples }) => [code, examples]));
  expect(found).toMatchObject({
    answer_in_prompt: [2],
    unknown_role: [3],
    bad_conversation: [4, 6],
    empty_answer: [5],
  });
});

describe('synthesise', () => {
  const rows = Array.from({ length: 60 }, (_, i) =>
    talk(`What does "word${i}" mean?`, `A kind of stone or metal that is found in place ${i}; it is usually small.`),
  );

  test('edits the last answer and its question, nothing else', () => {
    const made = synthesise({ rows, type: 'chat', seed: SEED, count: 200 });
    expect(made.length).toBe(200);
    expect(new Set(made.map((row) => JSON.stringify(row))).size).toBe(200);
    const messages = made.map((row) => row['messages'] as { role: string; content: string }[]);
    expect(messages.every(([system]) => system?.role === 'system' && system.content === 'Be brief.')).toBe(true);
    expect(messages.every((turns) => turns.at(-1)?.role === 'assistant')).toBe(true);
    const known = new Set(rows.map((row) => JSON.stringify(row)));
    expect(made.some((row) => known.has(JSON.stringify(row)))).toBe(false);
    // The same again from the same seed, and fewer rows are the first of more.
    expect(toJsonLines(synthesise({ rows, type: 'chat', seed: SEED, count: 50 }))).toEqual(
      toJsonLines(made.slice(0, 50)),
    );
  });

  test('a conversation that goes on after another one is one row', () => {
    const made = synthesise({ rows: rows.slice(0, 20), type: 'chat', seed: SEED, count: 1_000 });
    const long = made.filter((row) => (row['messages'] as unknown[]).length > 3);
    expect(long.length).toBeGreaterThan(0);
    const roles = (long[0]!['messages'] as { role: string }[]).map(({ role }) => role);
    expect(roles).toEqual(['system', 'user', 'assistant', 'user', 'assistant']);
  });

  test('the quality report reads conversations', async () => {
    const args = { rows, type: 'chat' as const, seed: SEED, count: 40 };
    const { rows: synthetic, account } = await augmentGenerator.generate(args);
    const { quality } = await measureSynthetic({
      type: 'chat',
      train: rows,
      test: rows.slice(0, 5),
      synthetic,
      account,
    });
    expect(quality).toMatchObject({ rows: 40, acceptedShare: 1, novelty: { train: { exact: 0 } } });
    expect(quality.length.answer.real.p50).toBeGreaterThan(10);
    expect(quality.length.prompt.real.max).toBe(4);
  });

  test('a JSON text stays one', () => {
    const texts = rows.map(({ messages }) => ({ messages: JSON.stringify(messages) }));
    const [made] = synthesise({ rows: texts, type: 'chat', seed: SEED, count: 1 });
    expect(JSON.parse(made!['messages'] as string)).toHaveLength(3);
  });
});
