import { randomBytes } from 'node:crypto';
import {
  expandPath,
  NO_API_KEY,
  type SyntheticConfig,
  secretFromEnvironment,
  syntheticConfigSchema,
} from '@tuning/config';
import { measureSynthetic, requireColumns, sealSplit, toJsonLinesAsync } from '@tuning/dataset';
import { BadInputError, errorCode, errorMessage, OperatorError, writeFileAtomic } from '@tuning/kit';
import type { Command } from 'commander';
import { parseDatasetType, TYPE_HELP } from '../models/rows-source.ts';
import { withStoredRows } from '../models/stored-rows.ts';
import { synthesisText } from '../models/synthesis-text.ts';
import { wholeNumber } from '../number-flag.ts';
import { shutdownSignal } from '../process-lifecycle.ts';
import { jsonText } from '../text-table.ts';

/** Flag by key of the section `synthetic` of a validator's configuration; all but the first are for `llm`. */
const SETTINGS: readonly (readonly [flag: string, key: keyof SyntheticConfig, help: string])[] = [
  ['--generator <name>', 'generator', 'augment (edits of train rows) or llm (a language model); default augment'],
  ['--endpoint <url>', 'endpoint', 'OpenAI-compatible API with its /v1; it is shown train rows only'],
  ['--model <name>', 'model', 'model that writes the rows'],
  ['--api-key-env <variable>', 'api_key_env', 'variable with its API key, or none; default TUNING_LLM_API_KEY'],
  ['--on-missing <what>', 'on_missing', 'rows the model did not make: augment fills them in (default), or fail'],
  ['--parallel <n>', 'parallel', 'requests under way at once'],
  ['--rows-per-request <n>', 'rows_per_request', 'rows asked for at once'],
  ['--temperature <t>', 'temperature', 'temperature of the model'],
  ['--answer-tokens <n>', 'answer_tokens', 'longest answer'],
  ['--request-seconds <s>', 'request_seconds', 'longest wait for one answer'],
  ['--max-requests <n>', 'max_requests', 'most requests'],
  ['--max-tokens <n>', 'max_tokens', 'most tokens'],
  ['--max-minutes <min>', 'max_minutes', 'longest time'],
  ['--prompt-price <USD>', 'prompt_price', 'price of a million prompt tokens'],
  ['--completion-price <USD>', 'completion_price', 'price of a million completion tokens'],
];
const TEXT_KEYS = new Set<keyof SyntheticConfig>(['generator', 'endpoint', 'model', 'api_key_env', 'on_missing']);

type SynthesiseOptions = { type: string; count: string; seed?: string; out?: string; json?: boolean } & Record<
  string,
  string | boolean | undefined
>;

/** `tuning dataset synthesise`. */
export function addDatasetSynthesiseCommand(dataset: Command): void {
  const command = dataset
    .command('synthesise <file>')
    .description(
      'split a csv, json or parquet file as a task does, make synthetic rows of the train rows, and measure them',
    )
    .requiredOption('--type <type>', TYPE_HELP)
    .option('--count <n>', 'synthetic rows wanted', '100')
    .option(
      '--seed <hex>',
      '32 bytes; the same seed gives the same split, and the same rows of augment; default random',
    )
    .option('--out <file>', 'write the rows there as JSON lines; without it only counts and figures come out')
    .option('--json', 'print JSON');
  for (const [flag, , help] of SETTINGS) command.option(flag, help);
  command.action(async (file: string, options: SynthesiseOptions) => {
    try {
      await synthesise(file, options);
    } catch (error) {
      // All input here is the caller's own.
      if (!(error instanceof BadInputError)) throw error;
      throw new OperatorError(errorCode(error)!, errorMessage(error), { cause: error });
    }
  });
}

async function synthesise(file: string, options: SynthesiseOptions): Promise<void> {
  const settings = settingsOf(options);
  const type = parseDatasetType(options.type);
  const count = wholeNumber('--count', options.count, { min: 1, max: 100_000 });
  const seed = seedOf(options.seed);
  const name = settings.api_key_env;
  const wanted = settings.generator === 'llm' && name !== NO_API_KEY;
  const { openGenerator } = await import('@tuning/validator');
  const generator = openGenerator(settings, wanted ? secretFromEnvironment(name, process.env) : undefined);
  const signal = shutdownSignal();
  await withStoredRows([file], signal, async ([dataset]) => {
    const { rows, columns } = dataset!;
    requireColumns(columns, type);
    const sealed = await sealSplit({ rows, type, seed, syntheticCount: count, generator }, signal);
    const report = await measureSynthetic({ type, ...sealed }, signal);
    if (options.out !== undefined) {
      await writeFileAtomic(expandPath(options.out), await toJsonLinesAsync(sealed.synthetic, signal));
    }
    const split = { dataset: rows.length, train: sealed.train.length, test: sealed.test.length };
    const result = { seed: Buffer.from(seed).toString('hex'), seal: sealed.seal, rows: split, ...report };
    process.stdout.write(options.json ? jsonText(result) : synthesisText(result));
  });
}

function settingsOf(options: SynthesiseOptions): SyntheticConfig {
  const given = SETTINGS.flatMap(([flag, key]) => {
    const attribute = flag
      .split(' ')[0]!
      .slice(2)
      .replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const text = options[attribute];
    if (typeof text !== 'string') return [];
    return [[key, TEXT_KEYS.has(key) ? text : Number(text)] as const];
  });
  const parsed = syntheticConfigSchema.safeParse(Object.fromEntries(given));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const flag = SETTINGS.find(([, key]) => key === issue.path[0])?.[0].split(' ')[0] ?? 'a flag';
  throw new OperatorError('FLAG_INVALID', `${flag}: ${issue.message}`);
}

function seedOf(hex: string | undefined): Uint8Array {
  if (hex === undefined) return randomBytes(32);
  if (/^[0-9a-f]{64}$/i.test(hex)) return Buffer.from(hex, 'hex');
  throw new OperatorError('FLAG_INVALID', '--seed must be 64 hex digits');
}
