import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { BadInputError, errorCode, errorMessage } from '@tuning/kit';
import { LIMITS } from '@tuning/protocol';
import { z } from 'zod';
import { readJsonFile } from '../config/json-file.ts';
import { openRegularFile, readAtMost } from '../safetensors/regular-file.ts';
import { messageProperties } from './message-properties.ts';
import { STRIP_FUNCTIONS, withPythonStrip } from './python-strip.ts';

/** Messages of one conversation, as `apply_chat_template` takes them. */
export const conversationSchema = z.looseObject({
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  tools: z.array(z.looseObject({})).nullish(),
});
export type Conversation = z.infer<typeof conversationSchema>;

export interface RenderOptions {
  /** Ends with the beginning of an answer. Default false. */
  addGenerationPrompt?: boolean;
  /** What `strftime_now` gives, in UTC. Default: the template is told that there is none, so that no text changes by the day. */
  date?: Date;
}

/** The chat template of a base model. */
export interface ChatTemplate {
  readonly source: string;
  /** What the template reads of the variable `message`, as Axolotl sees it. */
  readonly messageProperties: ReadonlySet<string>;
  /**
   * The conversation as text, special tokens written out: equal to transformers' `apply_chat_template(tokenize=False)`.
   * Synchronous, without any limit of time or memory: ONLY in a sealed job. The interpreter has no loop limit.
   * @throws BadInputError `CHAT_REFUSED` with what the template itself says, or cannot do.
   */
  render(conversation: Conversation, options?: RenderOptions): string;
}

const specialToken = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const configSchema = z.looseObject({
  bos_token: specialToken,
  eos_token: specialToken,
  unk_token: specialToken,
  pad_token: specialToken,
  chat_template: z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]).nullish(),
});

const TEMPLATE_FILE = 'chat_template.jinja';
/** Far above what a conversation needs; the list is built before the loop begins. */
const MAX_RANGE = 100_000;
const CONFIG_FILE = 'tokenizer_config.json';

/**
 * The template of a model folder we trust (the base's): chat_template.jinja, else the one in tokenizer_config.json (of
 * several the one named "default"). Never for a submission's folder.
 * @returns undefined where the model has none.
 * @throws BadInputError `CHAT_TEMPLATE_INVALID`, `FILE_INVALID`.
 */
export async function loadChatTemplate(dir: string): Promise<ChatTemplate | undefined> {
  const { source, tokens } = await readSource(dir);
  if (source == null) return undefined;
  let program: ReturnType<typeof parse>;
  let properties: Set<string>;
  try {
    const parsed = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    properties = messageProperties(parsed);
    program = withPythonStrip(parsed);
  } catch (error) {
    throw invalid(errorMessage(error));
  }
  const special: Record<string, string> = {};
  for (const name of ['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const) {
    const token = tokens[name];
    if (token != null) special[name] = typeof token === 'string' ? token : token.content;
  }
  return {
    source,
    messageProperties: properties,
    render: ({ messages, tools }, { addGenerationPrompt = false, date } = {}) => {
      try {
        const environment = new Environment();
        const variables = {
          ...GLOBALS,
          ...STRIP_FUNCTIONS,
          ...special,
          messages,
          tools: tools ?? null,
          documents: null,
          add_generation_prompt: addGenerationPrompt,
          ...(date ? { strftime_now: (format: string) => formatDate(date, format) } : {}),
        };
        for (const [name, value] of Object.entries(variables)) environment.set(name, value);
        return String(new Interpreter(environment).run(program).value);
      } catch (error) {
        throw new BadInputError(
          'CHAT_REFUSED',
          `the chat template does not take this conversation: ${errorMessage(error)}`,
        );
      }
    },
  };
}

/** What transformers and Jinja put beside the conversation. */
const GLOBALS = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  raise_exception: (message: unknown) => {
    throw new Error(String(message));
  },
  range: pythonRange,
};

/** Python's `range(stop)`, `range(start, stop, step)`. */
function pythonRange(first: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, first] : [first, stop];
  if (step === 0) throw new Error('range() arg 3 must not be zero');
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (length > MAX_RANGE) throw new Error(`range() of ${length} numbers, allowed are ${MAX_RANGE}`);
  return Array.from({ length }, (_, i) => from + i * step);
}

/** Whether a folder has a template, without reading it as a program. @throws as `loadChatTemplate`. */
export async function hasChatTemplate(dir: string): Promise<boolean> {
  return (await readSource(dir)).source != null;
}

/** Text of the template, and the special tokens it may write. */
async function readSource(dir: string) {
  const json = await readJsonFile(dir, CONFIG_FILE, LIMITS.jsonFileBytes).catch((error: unknown) => {
    if (errorCode(error) === 'FILE_MISSING') return {};
    throw error;
  });
  const config = configSchema.safeParse(json);
  if (!config.success) throw invalid(`${CONFIG_FILE}: ${config.error.issues[0]!.message}`);
  const { chat_template: inConfig, ...tokens } = config.data;
  const named = Array.isArray(inConfig) ? inConfig.find(({ name }) => name === 'default')?.template : inConfig;
  return { source: (await templateFile(dir)) ?? named, tokens };
}

async function templateFile(dir: string): Promise<string | undefined> {
  const handle = await openRegularFile(dir, TEMPLATE_FILE, (problem) => invalid(`${TEMPLATE_FILE}: ${problem}`));
  if (!handle) return undefined;
  try {
    const bytes = await readAtMost(handle, LIMITS.jsonFileBytes);
    if (!bytes) throw invalid(`${TEMPLATE_FILE} has more than ${LIMITS.jsonFileBytes} bytes`);
    return new TextDecoder('utf-8').decode(bytes);
  } finally {
    await handle.close();
  }
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** C's strftime in English and UTC, as far as templates use it; an unknown directive stays as it is. */
function formatDate(date: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const month = MONTHS[date.getUTCMonth()]!;
  const day = DAYS[date.getUTCDay()]!;
  const parts: Readonly<Record<string, string>> = {
    Y: String(date.getUTCFullYear()),
    m: two(date.getUTCMonth() + 1),
    d: two(date.getUTCDate()),
    H: two(date.getUTCHours()),
    M: two(date.getUTCMinutes()),
    S: two(date.getUTCSeconds()),
    B: month,
    b: month.slice(0, 3),
    A: day,
    a: day.slice(0, 3),
    '%': '%',
  };
  return format.replaceAll(/%([A-Za-z%])/g, (whole, directive: string) => parts[directive] ?? whole);
}

function invalid(problem: string): BadInputError {
  return new BadInputError('CHAT_TEMPLATE_INVALID', `the chat template is not usable: ${problem}`);
}
