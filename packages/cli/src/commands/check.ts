import { join } from 'node:path';
import { checkSubmission, type EvaluationOutcome } from '@tuning/evaluation';
import { GIB, OperatorError } from '@tuning/kit';
import type { DatasetType } from '@tuning/protocol';
import type { Command } from 'commander';
import { factLines } from '../models/evaluation-text.ts';
import { locateModel, type ModelSource } from '../models/model-source.ts';
import { showProgress } from '../models/progress-line.ts';
import { parseDatasetType, type RowsSource, readRows, TYPE_HELP } from '../models/rows-source.ts';
import { inWorkspace, type ModelOptions, type Workspace, withModels } from '../models/workspace.ts';
import { wholeNumber } from '../number-flag.ts';
import { jsonText } from '../text-table.ts';

const SET = 'data';

interface CheckOptions extends ModelOptions {
  base: string;
  data?: string;
  type?: string;
  format?: string;
  sequenceLen: string;
  maxModelGb: string;
}

/** `tuning check`: exit 0 where a validator would accept the folder, 1 where it would not. */
export function addCheckCommand(program: Command): void {
  withModels(program.command('check <folder>'))
    .description(
      'say what a validator would of a folder as a submission, before a commitment is spent; copies of others aside',
    )
    .requiredOption('--base <model>', 'the model it was fine-tuned from: a folder or namespace/name@revision of a hub')
    .option('--data <file|dataset>', 'rows to measure too, since a loss that is no number is refused')
    .option('--type <type>', `of --data: ${TYPE_HELP}`)
    .option('--format <csv|json|hf>', 'what --data is, where its name does not tell')
    .option('--sequence-len <tokens>', 'longer rows are left out', '1024')
    .option('--max-model-gb <GB>', 'most that the validator takes', '32')
    .action(async (folder: string, options: CheckOptions) => {
      const maxBytes = Number(options.maxModelGb) * GIB;
      if (!(maxBytes > 0 && maxBytes < Number.MAX_SAFE_INTEGER)) {
        throw new OperatorError('FLAG_INVALID', '--max-model-gb must be a number above 0');
      }
      if ((options.data === undefined) !== (options.type === undefined)) {
        throw new OperatorError('FLAG_INVALID', '--data and --type go together: give both or neither');
      }
      const type = options.type === undefined ? undefined : parseDatasetType(options.type);
      const sequenceLen = wholeNumber('--sequence-len', options.sequenceLen, { min: 2, max: 131_072 });
      await inWorkspace(options, async (workspace) => {
        const submission = await locateModel(folder, options.cache, workspace);
        const base = await locateModel(options.base, options.cache, workspace);
        let rows: RowsSource | undefined;
        if (options.data !== undefined && type !== undefined) {
          const read = { data: options.data, format: options.format, type, limit: undefined };
          rows = await readRows(read, workspace);
        }
        const datasetType = type ?? 'completion';
        const outcome = await check({ submission, base, rows, datasetType, sequenceLen, maxBytes }, workspace);
        const { verdict, kind, weightsDigest } = outcome;
        const measured = outcome.sets[SET]?.summary;
        process.stdout.write(
          options.json
            ? jsonText({ folder: submission.name, base: base.name, kind, verdict, weightsDigest, measured })
            : checkText(outcome, submission, base),
        );
        if (verdict.code !== 'accepted') process.exitCode = 1;
      });
    });
}

interface Check {
  submission: ModelSource;
  base: ModelSource;
  rows: RowsSource | undefined;
  datasetType: DatasetType;
  sequenceLen: number;
  maxBytes: number;
}

async function check(
  { submission, base, rows, datasetType, sequenceLen, maxBytes }: Check,
  { runner, folder, limits, threads, signal }: Workspace,
): Promise<EvaluationOutcome> {
  showProgress('checking the weights');
  try {
    return await checkSubmission(
      {
        ...{ runner, root: join(folder, 'jobs'), id: 'check', limits, threads },
        baseDir: base.dir,
        submissionDir: submission.dir,
        maxBytes,
        ...(base.repo ? { expected: { baseRepo: base.repo.repo, baseRevision: base.repo.revision } } : {}),
        sets: rows ? [{ name: SET, rowsFile: rows.file }] : [],
        datasetType,
        sequenceLen,
      },
      {
        signal,
        onProgress: ({ doneRows, totalRows }) => showProgress(`measuring  ${doneRows} of ${totalRows} rows`),
      },
    );
  } finally {
    showProgress(undefined);
  }
}

function checkText(
  { verdict, weightsDigest, sets }: EvaluationOutcome,
  submission: ModelSource,
  base: ModelSource,
): string {
  const measured = sets[SET]?.summary;
  return factLines([
    ['submission', submission.name],
    ['base', base.name],
    ['verdict', `${verdict.code}: ${verdict.reason}`],
    ...Object.entries(verdict.evidence ?? {}).map(([key, value]): [string, string] => [`  ${key}`, String(value)]),
    ...(weightsDigest === undefined ? [] : ([['weights', weightsDigest]] as [string, string][])),
    ...(measured
      ? ([['loss', `${measured.loss.toFixed(6)} over ${measured.rowsKept} rows`]] as [string, string][])
      : []),
  ]);
}
