import { requireDevice } from '@tuning/llm';
import { DEVICES, type Device } from '@tuning/protocol';
import { type Command, Option } from 'commander';
import { type EvaluationReport, type EvaluationRequest, evaluateModel } from '../models/evaluation.ts';
import { evaluationText } from '../models/evaluation-text.ts';
import { locateModel, type ModelSource } from '../models/model-source.ts';
import { parseDatasetType, readRows, TYPE_HELP } from '../models/rows-source.ts';
import { inWorkspace, type ModelOptions, withModels } from '../models/workspace.ts';
import { wholeNumber } from '../number-flag.ts';
import { jsonText } from '../text-table.ts';

interface EvaluateOptions extends ModelOptions {
  base?: string;
  data: string;
  type: string;
  format?: string;
  sequenceLen: string;
  limit?: string;
  device: Device;
  rows?: string | true;
}

/** `tuning evaluate`. */
export function addEvaluateCommand(program: Command): void {
  withModels(program.command('evaluate <model>'))
    .description(
      'measure a model’s loss as a validator does, in a sealed job: a folder or namespace/name@revision of a hub',
    )
    .option('--base <model>', 'the model it was fine-tuned from; without it the model is measured by itself')
    .requiredOption('--data <file|dataset>', 'a csv or json file, or a dataset of the hub')
    .requiredOption('--type <type>', TYPE_HELP)
    .option('--format <csv|json|hf>', 'what --data is, where its name does not tell')
    .option('--sequence-len <tokens>', 'longer rows are left out and counted', '1024')
    .option('--limit <rows>', 'only the first rows of the data')
    .addOption(
      new Option('--device <device>', 'where to measure; losses differ from one to the other')
        .choices(DEVICES)
        .default('cpu'),
    )
    .option('--rows [n]', 'show the losses of single rows, the worst first')
    .action(async (name: string, options: EvaluateOptions) => {
      const range = { min: 1, max: 5_000_000 };
      const type = parseDatasetType(options.type);
      const sequenceLen = wholeNumber('--sequence-len', options.sequenceLen, { min: 2, max: 131_072 });
      const limit = options.limit === undefined ? undefined : wholeNumber('--limit', options.limit, range);
      const shown = typeof options.rows === 'string' ? wholeNumber('--rows', options.rows, range) : range.max;
      await inWorkspace(options, async (workspace) => {
        await requireDevice(options.device, { signal: workspace.signal });
        const named = await locateModel(name, options.cache, workspace);
        const base = options.base === undefined ? named : await locateModel(options.base, options.cache, workspace);
        const rows = await readRows({ data: options.data, format: options.format, type, limit }, workspace);
        const model = options.base === undefined ? undefined : named;
        const request = { model, base, rows, type, sequenceLen, device: options.device };
        const report = await evaluateModel(request, workspace);
        const text = evaluationText(report, request, options.rows === undefined ? undefined : shown);
        process.stdout.write(options.json ? jsonText(reportJson(report, request, options.rows !== undefined)) : text);
      });
    });
}

function reportJson(report: EvaluationReport, request: EvaluationRequest, withRows: boolean): unknown {
  const { outcome, measured, base, comparison } = report;
  const identity = ({ name, dir, repo, leftOut }: ModelSource) => ({ name, dir, ...repo, leftOut });
  const { file: _temporary, ...data } = request.rows;
  return {
    model: identity(request.model ?? request.base),
    base: request.model && identity(request.base),
    data: { ...data, type: request.type, sequenceLen: request.sequenceLen },
    kind: outcome.kind,
    verdict: outcome.verdict,
    weightsDigest: outcome.weightsDigest,
    measured: measured?.summary,
    baseMeasured: base?.summary,
    comparison,
    rows: withRows ? measured?.rows : undefined,
    baseRows: withRows ? base?.rows : undefined,
  };
}
