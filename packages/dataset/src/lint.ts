import { errorCode } from '@tuning/kit';
import type { DatasetType } from '@tuning/protocol';
import { rendererOf } from './prompt/render.ts';
import { type Row, rowLine } from './row.ts';
import { runInSlices, runNow, type Steps } from './slices.ts';

/** One kind of finding: how many rows, and the first few of them (row numbers from 1). */
export interface LintCount {
  rows: number;
  examples: number[];
}

export interface LintReport {
  /** Rows without a column that the type reads. */
  missingField: LintCount;
  /** Rows whose answer is empty: dropped in training and measuring. */
  emptyResponse: LintCount;
  /** Rows equal to an earlier row. */
  duplicate: LintCount;
  /** Rows whose prompt contains the answer (of at least 16 characters): their loss means nothing. */
  answerInPrompt: LintCount;
}

const EXAMPLES = 5;
/** Shorter answers ("yes", "noun") stand in prompts by chance. */
const MIN_ANSWER_CHARS = 16;

/** Cheap checks of what a customer sent. Warnings, never refusals. @throws BadInputError DATASET_TYPE_INVALID. */
export function lintRows(rows: readonly Row[], type: DatasetType): LintReport {
  return runNow(lintSteps(rows, type));
}

/** `lintRows` for a daemon: pauses for the event loop. */
export function lintRowsAsync(rows: readonly Row[], type: DatasetType, signal?: AbortSignal): Promise<LintReport> {
  return runInSlices(lintSteps(rows, type), signal);
}

function* lintSteps(rows: readonly Row[], type: DatasetType): Steps<LintReport> {
  const render = rendererOf(type);
  const none = (): LintCount => ({ rows: 0, examples: [] });
  const report: LintReport = { missingField: none(), emptyResponse: none(), duplicate: none(), answerInPrompt: none() };
  const seen = new Set<string>();
  for (const [index, row] of rows.entries()) {
    const count = (kind: keyof LintReport) => {
      report[kind].rows++;
      if (report[kind].examples.length < EXAMPLES) report[kind].examples.push(index + 1);
    };
    const line = rowLine(row);
    if (seen.has(line)) count('duplicate');
    seen.add(line);
    try {
      const { prompt, response } = render(row);
      if (response === '') count('emptyResponse');
      else if (response.length >= MIN_ANSWER_CHARS && prompt.includes(response)) count('answerInPrompt');
    } catch (error) {
      if (errorCode(error) !== 'DATASET_MISSING_COLUMN') throw error;
      count('missingField');
    }
    yield;
  }
  return report;
}
