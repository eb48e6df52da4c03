import { readFileSync } from 'node:fs';
import { errorMessage, OperatorError } from '@tuning/kit';
import { chatTypeOf, type DatasetType } from '@tuning/protocol';
import { parse, stringify } from 'yaml';
import { type Recipe, recipeKeyUse, recipeSchema, type TuningSection } from './recipe-schema.ts';

/** What a task fixes. */
export type RecipeTask = TuningSection;

/** A recipe file larger than this is not a recipe. */
const MAX_BYTES = 256 * 1024;
/** Keys that follow from the task alone. (`sequence_len` may be overridden, for own jobs; a task's own value wins.) */
const TASK_KEYS = ['base_model', 'datasets', 'tuning'];
/** Two ways of saying one thing: whoever says it one way drops the other way from the base file. */
const ALTERNATIVES = [
  ['warmup_steps', 'warmup_ratio'],
  ['lora_target_linear', 'lora_target_modules'],
] as const;

/**
 * The recipe of a job: the base file, then the operator's overrides, then what the task fixes, validated.
 * @throws OperatorError `RECIPE_INVALID` naming an unknown key with the nearest known one, a bad value, or a key that
 * the task fixes; `RECIPE_NOT_FOUND`.
 */
export function loadRecipe(args: {
  baseFile: string;
  overrides?: Readonly<Record<string, unknown>>;
  task?: RecipeTask;
}): Recipe {
  const { baseFile, overrides = {}, task } = args;
  const base = parseRecipe(readRecipeFile(baseFile), baseFile);
  const own = validated(overrides, 'the recipe overrides');
  const fixed = task === undefined ? undefined : TASK_KEYS.find((key) => Object.hasOwn(own, key));
  if (fixed !== undefined) {
    throw invalid('the recipe overrides', `${fixed} is fixed by the task and cannot be overridden`);
  }
  const merged: Recipe = { ...base, ...own };
  for (const [one, other] of ALTERNATIVES) {
    if (own[one] != null && own[other] == null) delete merged[other];
    if (own[other] != null && own[one] == null) delete merged[one];
  }
  // Axolotl knows no "full": a missing adapter is a full fine-tune.
  if (merged.adapter === 'full' || merged.adapter === '') merged.adapter = null;
  // Axolotl refuses qlora without it.
  if (merged.adapter === 'qlora') merged.load_in_4bit ??= true;
  if (task !== undefined) Object.assign(merged, taskKeys(task, merged.seed ?? task.seed));
  return validated(merged, 'the recipe');
}

/**
 * A recipe from YAML text.
 * @param source names the text in errors
 * @throws OperatorError `RECIPE_INVALID`.
 */
export function parseRecipe(yaml: string, source: string): Recipe {
  let value: unknown;
  try {
    // No aliases: a few lines of them can stand for gigabytes.
    value = parse(yaml, { maxAliasCount: 0, uniqueKeys: true }) ?? {};
  } catch (error) {
    throw invalid(source, errorMessage(error).split('\n')[0] ?? 'not YAML');
  }
  return validated(value, source);
}

/** Text of `recipe.yml`; keys without a value are left out. */
export function recipeYaml(recipe: Recipe): string {
  return stringify(
    Object.fromEntries(Object.entries(recipe).filter(([, value]) => value !== undefined && value !== null)),
  );
}

function readRecipeFile(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new OperatorError('RECIPE_NOT_FOUND', `the recipe ${file} cannot be read: ${errorMessage(cause)}`, { cause });
  }
  if (text.length > MAX_BYTES) throw invalid(file, `it is longer than ${MAX_BYTES} characters`);
  return text;
}

function validated(value: unknown, source: string): Recipe {
  const result = recipeSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    const near = issue.path.length === 0 ? nearest(key, [...Object.keys(recipeKeyUse), 'tuning']) : undefined;
    const name = [...issue.path, key].join('.');
    throw invalid(source, `unknown key ${name}${near === undefined ? '' : `, did you mean ${near}?`}`);
  }
  throw invalid(source, `${issue.path.join('.') || 'the file'}: ${issue.message}`);
}

function invalid(source: string, problem: string): OperatorError {
  return new OperatorError('RECIPE_INVALID', `${source}: ${problem}`, { details: { source, problem } });
}

/** What Axolotl itself needs to find model and data in the job folder, and our own section. */
function taskKeys(task: RecipeTask, seed: number): Recipe {
  return {
    base_model: './model',
    datasets: [{ path: './data/train.jsonl', ds_type: 'json', ...axolotlType(task.datasetType) }],
    sequence_len: task.sequenceLen,
    ...eotTokens(task.datasetType),
    seed,
    tuning: { ...task, seed },
  };
}

/**
 * The keys of an Axolotl dataset entry that say how rows are read. "instruct" is defined as alpaca, "pretrain" as completion
 * of the column `text`; conversations are written by the base's own template, and what decides the mask is spelled out.
 */
function axolotlType(type: DatasetType): Record<string, unknown> {
  const chat = chatTypeOf(type);
  if (chat) {
    const { eot_tokens: _, ...entry } = chat;
    return {
      ...withoutNulls(entry),
      chat_template: 'tokenizer_default',
      field_messages: chat.field_messages ?? 'messages',
      roles_to_train: chat.roles_to_train ?? ['assistant'],
      train_on_eos: chat.train_on_eos ?? 'turn',
    };
  }
  if (type === 'alpaca' || type === 'instruct') return { type: 'alpaca' };
  return { type: typeof type === 'string' ? 'completion' : withoutNulls(type) };
}

/** Axolotl has this key beside the datasets. */
function eotTokens(type: DatasetType): { eot_tokens?: string[] } {
  const tokens = chatTypeOf(type)?.eot_tokens;
  return tokens ? { eot_tokens: tokens } : {};
}

const withoutNulls = (value: object) =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null && member !== undefined));

/**
 * The candidate nearest by edit distance, if it is near enough to be a slip. A common beginning counts in its favour:
 * `lora_rank` means `lora_r` rather than `local_rank`.
 */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { candidate: string; rank: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate);
    if (distance > Math.max(2, word.length / 3)) continue;
    const rank = distance - 0.3 * commonPrefix(word.toLowerCase(), candidate);
    if (best === undefined || rank < best.rank) best = { candidate, rank };
  }
  return best?.candidate;
}

function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
