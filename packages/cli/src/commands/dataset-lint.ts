import { type LintReport, lintRowsAsync, requireColumns } from '@tuning/dataset';
import { BadInputError, errorCode, errorMessage, OperatorError } from '@tuning/kit';
import type { Command } from 'commander';
import { parseDatasetType } from '../models/rows-source.ts';
import { withStoredRows } from '../models/stored-rows.ts';
import { wholeNumber } from '../number-flag.ts';
import { shutdownSignal } from '../process-lifecycle.ts';
import { jsonText, textTable } from '../text-table.ts';

interface LintFlags {
  type: string;
  sequenceLen: string;
  across?: string;
  json?: boolean;
}

/** `tuning dataset lint`: exit 1 when a finding is an error, which should be mended before the rows are paid for. */
export function addDatasetLintCommand(dataset: Command): void {
  dataset
    .command('lint <file>')
    .description('say what is wrong with the rows of a csv, json or parquet file; counts and row numbers, never text')
    .requiredOption('--type <type>', 'instruct, alpaca, completion, pretrain, or the JSON object of an order')
    .option('--sequence-len <tokens>', 'tokens of a training row', '2048')
    .option('--across <file>', 'other rows, such as a test set: say which rows are copies or near copies of those')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: LintFlags) => {
      try {
        const report = await lint(file, flags);
        process.stdout.write(flags.json ? jsonText(report) : lintText(report));
        if (report.findings.some(({ severity }) => severity === 'error')) process.exitCode = 1;
      } catch (error) {
        // All input here is the caller's own.
        if (!(error instanceof BadInputError)) throw error;
        throw new OperatorError(errorCode(error)!, `${file}: ${errorMessage(error)}`, { cause: error });
      }
    });
}

async function lint(file: string, { across, ...flags }: LintFlags): Promise<LintReport> {
  const type = parseDatasetType(flags.type);
  if (type === 'chat') {
    throw new OperatorError('DATASET_TYPE_INVALID', 'chat rows are not linted yet: take another --type');
  }
  const sequenceLen = wholeNumber('--sequence-len', flags.sequenceLen, { min: 16, max: 1_000_000 });
  const signal = shutdownSignal();
  const files = across === undefined ? [file] : [file, across];
  return withStoredRows(files, signal, async ([own, other]) => {
    for (const { columns } of [own!, ...(other ? [other] : [])]) requireColumns(columns, type);
    return lintRowsAsync(own!.rows, type, { sequenceLen, ...(other ? { across: other.rows } : {}) }, signal);
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
