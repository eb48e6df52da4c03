import { type LintReport, lintRowsAsync, requireColumns } from '@tuning/dataset';
import { BadInputError, errorCode, errorMessage, OperatorError } from '@tuning/kit';
import type { Command } from 'commander';
import { isTextFile, locateModel } from '../models/model-source.ts';
import { type Preview, type PreviewInput, previewSchema } from '../models/preview.ts';
import { previewText } from '../models/preview-text.ts';
import { parseDatasetType, TYPE_HELP } from '../models/rows-source.ts';
import { runSealedJob } from '../models/sealed-job.ts';
import { withStoredRows } from '../models/stored-rows.ts';
import { inWorkspace, type Workspace, withHub } from '../models/workspace.ts';
import { wholeNumber } from '../number-flag.ts';
import { shutdownSignal } from '../process-lifecycle.ts';
import { jsonText, textTable } from '../text-table.ts';

interface LintFlags {
  type: string;
  sequenceLen: string;
  across?: string;
  base?: string;
  preview: string;
  hub: string;
  cache?: string;
  json?: boolean;
}

interface Lint extends LintReport {
  /** With `--base` only. */
  preview?: Preview;
}

/** Longest time of the preview's job, in minutes: a chat template may loop for ever. */
const PREVIEW_MINUTES = '60';

/** `tuning dataset lint`: exit 1 when a finding is an error, which should be mended before the rows are paid for. */
export function addDatasetLintCommand(dataset: Command): void {
  withHub(dataset.command('lint <file>'))
    .description(
      'say what is wrong with the rows of a csv, json or parquet file: counts and row numbers; text of rows only with --base',
    )
    .requiredOption('--type <type>', TYPE_HELP)
    .option('--sequence-len <tokens>', 'tokens of a training row', '2048')
    .option('--across <file>', 'other rows, such as a test set: say which rows are copies or near copies of those')
    .option(
      '--base <model>',
      'count tokens and show rows as this model’s tokenizer and template make them: folder or hub',
    )
    .option('--preview <rows>', 'sequences to show with --base, masked and trained tokens apart', '3')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: LintFlags) => {
      try {
        const report = await lint(file, flags);
        const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
        const preview = report.preview ? `\n${previewText(report.preview, colour)}` : '';
        process.stdout.write(flags.json ? jsonText(report) : lintText(report) + preview);
        if (report.findings.some(({ severity }) => severity === 'error')) process.exitCode = 1;
      } catch (error) {
        // All input here is the caller's own.
        if (!(error instanceof BadInputError)) throw error;
        throw new OperatorError(errorCode(error)!, `${file}: ${errorMessage(error)}`, { cause: error });
      }
    });
}

async function lint(file: string, { across, base, ...flags }: LintFlags): Promise<Lint> {
  const type = parseDatasetType(flags.type);
  const sequenceLen = wholeNumber('--sequence-len', flags.sequenceLen, { min: 16, max: 1_000_000 });
  const shown = wholeNumber('--preview', flags.preview, { min: 0, max: 1_000 });
  const files = across === undefined ? [file] : [file, across];
  const lintWith = (signal: AbortSignal, preview?: (rowsFile: string) => Promise<Preview>): Promise<Lint> =>
    withStoredRows(files, signal, async ([own, other]) => {
      for (const { columns } of [own!, ...(other ? [other] : [])]) requireColumns(columns, type);
      const options = { sequenceLen, ...(other ? { across: other.rows } : {}) };
      const report = await lintRowsAsync(own!.rows, type, options, signal);
      return preview ? { ...report, preview: await preview(own!.rows.path) } : report;
    });
  if (base === undefined) return lintWith(shutdownSignal());
  return inWorkspace({ ...flags, threads: '1', timeout: PREVIEW_MINUTES }, async (workspace: Workspace) => {
    const { dir } = await locateModel(base, flags.cache, workspace, isTextFile);
    const doing: [string, string] = ['tokenising', 'rows'];
    return lintWith(workspace.signal, (rowsFile) => {
      const input = { baseDir: dir, rowsFile, type, sequenceLen, shown } satisfies PreviewInput;
      return runSealedJob({ id: 'preview', input, schema: previewSchema, doing }, workspace);
    });
  });
}

function lintText({ rows, distinct, findings }: LintReport): string {
  const head = `${rows} rows, ${distinct} of them no copy of an earlier one\n`;
  if (findings.length === 0) return `${head}nothing found\n`;
  const table = textTable(
    [
      { title: 'SEVERITY', value: ({ severity }) => severity },
      { title: 'FINDING', value: ({ code }) => code },
      { title: 'ROWS', value: (finding) => finding.rows },
      {
        title: 'ROW NUMBERS',
        value: ({ examples, rows: all }) => `${examples.join(' ')}${all > examples.length ? ' …' : ''}`,
      },
      { title: 'DONE', value: ({ done }) => done },
      { title: 'MEANS', value: ({ means }) => means },
    ],
    findings,
  );
  return `${head}\n${table}`;
}
