import { createHash } from 'node:crypto';
import { errorCode } from '@tuning/kit';
import type { DatasetType } from '@tuning/protocol';
import { nearDuplicateSteps } from '../near-duplicates/near-duplicates.ts';
import { rowTexts } from '../near-duplicates/row-texts.ts';
import { rendererOf } from '../prompt/render.ts';
import { type Row, rowLine } from '../row.ts';
import { runInSlices, runNow, type Steps } from '../slices.ts';
import { hasEncodingFault } from './encoding-faults.ts';
import { type LintFinding, LintTally } from './finding.ts';
import { personalDataIn } from './personal-data.ts';

export interface LintOptions {
  /** Tokens of a training row; rows of more than four characters a token count as long. */
  sequenceLen: number;
}

export interface LintReport {
  rows: number;
  /** Rows that are neither copies nor near copies of an earlier one: what a split has to choose from. */
  distinct: number;
  /** Only what was found. */
  findings: LintFinding[];
}

/** Shorter answers ("yes", "noun") stand in prompts by chance. */
const MIN_ANSWER_CHARS = 16;
/** A rule of thumb for English; what counts in a task is the tokenizer of the base. */
const CHARS_PER_TOKEN = 4;
/** The commonest answer is told from this share of the rows on. */
const ONE_ANSWER = { share: 0.3, minRows: 10 };
/** Patterns look at so many characters at a time, so that a long row does not stop the event loop. */
const WINDOW = 8_192;
const OVERLAP = 256;

/** What a customer should know before paying. Findings, never refusals. @throws BadInputError DATASET_TYPE_INVALID. */
export function lintRows(rows: readonly Row[], type: DatasetType, options: LintOptions): LintReport {
  return runNow(lintSteps(rows, type, options));
}

/** `lintRows` for a daemon: pauses for the event loop. */
export function lintRowsAsync(
  rows: readonly Row[],
  type: DatasetType,
  options: LintOptions,
  signal?: AbortSignal,
): Promise<LintReport> {
  return runInSlices(lintSteps(rows, type, options), signal);
}

function* lintSteps(rows: readonly Row[], type: DatasetType, { sequenceLen }: LintOptions): Steps<LintReport> {
  const render = rendererOf(type);
  const tally = new LintTally();
  const answers = new Map<string, number[]>();
  for (const [index, row] of rows.entries()) {
    try {
      const { prompt, response } = render(row);
      const empty = response.trim() === '';
      if (empty) tally.add('empty_answer', index);
      else if (response.length >= MIN_ANSWER_CHARS && prompt.includes(response)) tally.add('answer_in_prompt', index);
      if (prompt.trim() === '' && !empty && !isCompletion(type)) tally.add('empty_prompt', index);
      if (prompt.length + response.length > sequenceLen * CHARS_PER_TOKEN) tally.add('long_row', index);
      if (!empty && !isCompletion(type)) noteAnswer(answers, response, index);
      yield* lintText(tally, index, `${prompt}\n${response}`);
    } catch (error) {
      if (errorCode(error) !== 'DATASET_MISSING_COLUMN') throw error;
      tally.add('missing_column', index);
    }
    yield;
  }
  const commonest = [...answers.values()].reduce<number[]>((most, one) => (one.length > most.length ? one : most), []);
  if (commonest.length >= Math.max(ONE_ANSWER.minRows, rows.length * ONE_ANSWER.share)) {
    for (const index of commonest) tally.add('one_answer', index);
  }
  const distinct = yield* lintCopies(tally, rows, type);
  return { rows: rows.length, distinct, findings: tally.findings() };
}

/** @returns how many groups of copies there are. */
function* lintCopies(tally: LintTally, rows: readonly Row[], type: DatasetType): Steps<number> {
  const nearest = yield* nearDuplicateSteps(rowTexts(rows, type));
  // Digests: the lines of a large set would be the set once more.
  const seen = new Set<string>();
  let groups = 0;
  for (const [index, row] of rows.entries()) {
    const line = createHash('sha256').update(rowLine(row)).digest('base64');
    if (nearest[index] === index) groups++;
    else tally.add(seen.has(line) ? 'exact_duplicate' : 'near_duplicate', index);
    seen.add(line);
    yield;
  }
  return groups;
}

function* lintText(tally: LintTally, index: number, text: string): Steps<void> {
  const found = new Set<Parameters<LintTally['add']>[0]>();
  for (let at = 0; at < text.length; at += WINDOW) {
    // A surrogate pair that a window cuts is no fault.
    const from = at > 0 && isLowSurrogate(text, at) ? at + 1 : at;
    const end = Math.min(text.length, at + WINDOW + OVERLAP);
    const part = text.slice(from, end < text.length && isLowSurrogate(text, end) ? end - 1 : end);
    if (hasEncodingFault(part)) found.add('encoding_fault');
    for (const code of personalDataIn(part)) found.add(code);
    yield;
  }
  for (const code of found) tally.add(code, index);
}

function isLowSurrogate(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** Answers that come once are most; a set of many different ones says itself that there is no imbalance. */
const MAX_ANSWERS = 100_000;

function noteAnswer(answers: Map<string, number[]>, response: string, index: number): void {
  const known = answers.get(response);
  if (known) known.push(index);
  else if (answers.size < MAX_ANSWERS) answers.set(response, [index]);
}

function isCompletion(type: DatasetType): boolean {
  return type === 'completion' || type === 'pretrain';
}
