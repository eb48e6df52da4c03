import { readdirSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ChatTemplate, type Conversation, loadChatTemplate } from '../src/index.ts';

/** What transformers renders: make_chat.py says how it was made. */
const VECTORS = new URL('./vectors/chat/', import.meta.url);
const TOKENS = { bos_token: '<s>', eos_token: { content: '</s>' } };
/** The date of the vectors. */
const date = new Date(Date.UTC(2024, 6, 6, 5, 4, 3));

type Rendered = (string | { refused: string })[];
interface Vectors {
  conversations: Conversation[];
  templates: Record<string, Rendered>;
}

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'chat-'));
});
afterEach(() => rm(dir, { recursive: true }));
const template = async (source: string) => {
  await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify({ ...TOKENS, chat_template: source }));
  return (await loadChatTemplate(dir))!;
};

function rendered(chat: ChatTemplate, conversations: readonly Conversation[]): Rendered {
  return conversations.flatMap((conversation) =>
    [false, true].map((addGenerationPrompt) => {
      try {
        return chat.render(conversation, { addGenerationPrompt, date });
      } catch (error) {
        expect(error).toMatchObject({ code: 'CHAT_REFUSED' });
        return { refused: (error as Error).message.replace('the chat template does not take this conversation: ', '') };
      }
    }),
  );
}

describe('renders as transformers does', () => {
  test.each(['chatml', 'headers', 'inst', 'turns', 'thinking'])('%s', async (name) => {
    const { conversations, templates }: Vectors = JSON.parse(await readFile(new URL('chat.json', VECTORS), 'utf8'));
    await copyFile(fileURLToPath(new URL(`${name}.jinja`, VECTORS)), join(dir, 'chat_template.jinja'));
    await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify({ ...TOKENS, chat_template: 'not this one' }));
    expect(rendered((await loadChatTemplate(dir))!, conversations)).toEqual(templates[name]);
  });
});

/** Templates of real models, which are not ours to commit. */
const REAL = process.env['TUNING_TOKENIZERS'];
describe.skipIf(REAL === undefined)('real templates of TUNING_TOKENIZERS', () => {
  test.each(REAL === undefined ? [] : readdirSync(REAL))('%s: as transformers renders it', async (name) => {
    const chat = await loadChatTemplate(join(REAL!, name));
    if (!chat) return;
    const expected = JSON.parse(await readFile(join(REAL!, name, 'chat.json'), 'utf8'));
    const texts = (all: Rendered) => all.map((one) => (typeof one === 'string' ? one : 'refused'));
    expect(texts(rendered(chat, expected.conversations))).toEqual(texts(expected.rendered));
  });
});

test('of several templates the default one, and none where there is none', async () => {
  const named = [
    { name: 'tool_use', template: 'tools' },
    { name: 'default', template: '{{ bos_token }}plain' },
  ];
  await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify({ ...TOKENS, chat_template: named }));
  expect((await loadChatTemplate(dir))!.render({ messages: [{ role: 'user' }] })).toBe('<s>plain');
  await writeFile(join(dir, 'tokenizer_config.json'), '{}');
  expect(await loadChatTemplate(dir)).toBeUndefined();
  await rm(join(dir, 'tokenizer_config.json'));
  expect(await loadChatTemplate(dir)).toBeUndefined();
});

test('without a date the template sees none, so that no text changes by the day', async () => {
  const chat = await template('{{ strftime_now("%d %b %Y %A %H:%M") if strftime_now is defined else "no date" }}');
  expect(chat.render({ messages: [{ role: 'user' }] })).toBe('no date');
  expect(chat.render({ messages: [{ role: 'user' }] }, { date })).toBe('06 Jul 2024 Saturday 05:04');
});

test('strip takes away what it is told to, as in Python', async () => {
  const chat = await template(
    "{% set t = messages[0].content %}[{{ t.strip() }}|{{ t.lstrip('\\n') }}|{{ t.rstrip('x\\n') }}|{{ t.strip().upper() }}]",
  );
  expect(chat.render({ messages: [{ role: 'user', content: '\n \ufeffab\u0085x\nx' }] })).toBe(
    '[\ufeffab\u0085x\nx| \ufeffab\u0085x\nx|\n \ufeffab\u0085|\ufeffAB\u0085X\nX]',
  );
});

test('the filter trim is Python’s, wherever it stands', async () => {
  const chat = await template(
    "[{{ messages[0].content | trim }}|{{ messages[0].content | trim('x') | upper }}|{{ messages[0].nothing | trim }}|{{ {'a': ' b ' | trim}['a'] }}]",
  );
  expect(chat.render({ messages: [{ role: 'user', content: ' \ufeffab\u0085' }] })).toBe(
    '[\ufeffab| \ufeffAB\u0085||b]',
  );
});

test('names what it reads of a message, and nothing else', async () => {
  const chat = await template(
    "{% for message in messages %}{{ message.role ~ message['content'].strip() ~ messages[0].other }}{% if message.tool_calls is defined and 'not_read' in message %}{{ {'k': message.name[0]['id']} }}{% endif %}{% endfor %}{% for m in messages %}{{ m.unseen }}{% endfor %}",
  );
  expect([...chat.messageProperties].sort()).toEqual(['content', 'id', 'name', 'role', 'strip', 'tool_calls']);
});

test('a template reaches nothing of JavaScript', async () => {
  for (const source of [
    'constructor',
    'messages.constructor',
    'messages[0].__proto__',
    'globalThis',
    'process',
    'require',
  ]) {
    const chat = await template(`[{{ ${source} }}]`);
    let out = '[]';
    try {
      out = chat.render({ messages: [{ role: 'user' }] });
    } catch {
      // Refused is as good as empty.
    }
    expect(out, source).toBe('[]');
  }
});

test('broken templates and conversations are refused by name', async () => {
  await expect(template('{% for %}')).rejects.toMatchObject({ code: 'CHAT_TEMPLATE_INVALID' });
  const chat = await template('{{ raise_exception("no system role") }}');
  expect(() => chat.render({ messages: [{ role: 'system' }] })).toThrow(/no system role/);
  await symlink('/etc/hostname', join(dir, 'chat_template.jinja'));
  await expect(loadChatTemplate(dir)).rejects.toMatchObject({ code: 'CHAT_TEMPLATE_INVALID' });
});
