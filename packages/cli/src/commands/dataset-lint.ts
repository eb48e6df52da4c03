import { expandPath } from '@tuning/config';
import { type LintReport, lintRowsAsync, readDataset, requireColumns } from '@tuning/dataset';
import { BadInputError, errorCode, errorMessage, OperatorError } from '@tuning/kit';
import type { Command } from 'commander';
import { localDataFormat } from '../models/local-data-format.ts';
import { parseDatasetType } from '../models/rows-source.ts';
import { wholeNumber } from '../number-flag.ts';
import { shutdownSignal } from '../process-lifecycle.ts';
import { jsonText, textTable } from '../text-table.ts';

interface LintFlags {
  type: string;
  sequenceLen: string;
  json?: boolean;
}

/** `tuning dataset lint`: exit 1 when a finding is an error, which should be mended before the rows are paid for. */
export function addDatasetLintCommand(dataset: Command): void {
  dataset
    .command('lint <file>')
    .description('say what is wrong with the rows of a csv, json or parquet file; counts and row numbers, never text')
    .requiredOption('--type <type>', 'instruct, alpaca, completion, pretrain, or the JSON object of an order')
    .option('--sequence-len <tokens>', 'tokens of a training row', '2048')
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

async function lint(file: string, flags: LintFlags): Promise<LintReport> {
  const type = parseDatasetType(flags.type);
  if (type === 'chat') {
    throw new OperatorError('DATASET_TYPE_INVALID', 'chat rows are not linted yet: take another --type');
  }
  const sequenceLen = wholeNumber('--sequence-len', flags.sequenceLen, { min: 16, max: 1_000_000 });
  const signal = shutdownSignal();
  const source = { path: expandPath(file), format: localDataFormat(file) };
  const { rows, columns } = await readDataset(source, { signal });
  requireColumns(columns, type);
  return lintRowsAsync(rows, type, { sequenceLen }, signal);
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
