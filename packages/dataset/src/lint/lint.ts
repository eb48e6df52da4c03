import { errorCode } from '@tuning/kit';
import type { DatasetType } from '@tuning/protocol';
import type { ChatLayout } from '../chat/chat-layout.ts';
import { chatTextsOf } from '../chat/chat-texts.ts';
import { layoutOf } from '../prompt/layout.ts';
import { rendererOf } from '../prompt/render.ts';
import type { Row } from '../row.ts';
import type { Rows } from '../rows.ts';
import { runInSlices, runNow, type Steps } from '../slices.ts';
import { Answers } from './answers.ts';
import { lintCopies } from './copies.ts';
import { hasEncodingFault } from './encoding-faults.ts';
import { type LintFinding, LintTally } from './finding.ts';
import { personalDataIn } from './personal-data.ts';

export interface LintOptions {
  /** Tokens of a training row; rows of more than four characters a token count as long. */
  sequenceLen: number;
  /** Other rows, such as a test set: rows that stand there too are found. The split of a task keeps copies together itself. */
  across?: Rows;
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
export function lintRows(rows: Rows, type: DatasetType, options: LintOptions): LintReport {
  return runNow(lintSteps(rows, type, options));
}

/** `lintRows` for a daemon: pauses for the event loop. */
export function lintRowsAsync(
  rows: Rows,
  type: DatasetType,
  options: LintOptions,
  signal?: AbortSignal,
): Promise<LintReport> {
  return runInSlices(lintSteps(rows, type, options), signal);
}

function* lintSteps(rows: Rows, type: DatasetType, options: LintOptions): Steps<LintReport> {
  const { sequenceLen, across } = options;
  const render = rendererOf(type);
  const layout = layoutOf(type);
  const tally = new LintTally();
  const answers = new Answers();
  for (let index = 0; index < rows.length; index++) {
    const row = rows.at(index)!;
    try {
      const { prompt, response } = render(row);
      const empty = response.trim() === '';
      if (empty) tally.add('empty_answer', index);
      else if (response.length >= MIN_ANSWER_CHARS && prompt.includes(response)) tally.add('answer_in_prompt', index);
      if (prompt.trim() === '' && !empty && !isCompletion(type)) tally.add('empty_prompt', index);
      if (prompt.length + response.length > sequenceLen * CHARS_PER_TOKEN) tally.add('long_row', index);
      if (!empty && !isCompletion(type)) answers.note(response, index);
      yield* lintText(tally, index, `${prompt}\n${response}`);
    } catch (error) {
      const code = errorCode(error);
      if (code === 'CONVERSATION_INVALID') tally.add('bad_conversation', index);
      else if (code === 'DATASET_MISSING_COLUMN') tally.add('missing_column', index);
      else throw error;
    }
    if (layout.kind === 'chat' && hasUnknownRole(row, layout)) tally.add('unknown_role', index);
    yield;
  }
  const commonest = answers.commonest();
  if (commonest && commonest.rows >= Math.max(ONE_ANSWER.minRows, rows.length * ONE_ANSWER.share)) {
    tally.addAll('one_answer', commonest);
  }
  const distinct = yield* lintCopies(tally, rows, across, type);
  return { rows: rows.length, distinct, findings: tally.findings() };
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

function hasUnknownRole(row: Row, layout: ChatLayout): boolean {
  const named = new Set([...layout.roleOf.values(), ...layout.trained]);
  const turns = chatTextsOf(row, layout)?.turns ?? [];
  return turns.some(({ role }) => !named.has(role));
}

function isLowSurrogate(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function isCompletion(type: DatasetType): boolean {
  return type === 'completion' || type === 'pretrain';
}
