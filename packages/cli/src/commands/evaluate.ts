import { MOST_TOGETHER } from '@tuning/evaluation';
import { OperatorError } from '@tuning/kit';
import { requireDevice } from '@tuning/llm';
import { DEVICES, type Device } from '@tuning/protocol';
import { type Command, Option } from 'commander';
import { evaluateModel, rankModels } from '../models/evaluation.ts';
import { evaluationJson, rankingJson } from '../models/evaluation-json.ts';
import { evaluationText } from '../models/evaluation-text.ts';
import { locateModel, type ModelSource } from '../models/model-source.ts';
import { rankingText } from '../models/ranking-text.ts';
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

/** Besides the base. */
const MOST_MODELS = MOST_TOGETHER - 1;

/** `tuning evaluate`. */
export function addEvaluateCommand(program: Command): void {
  withModels(program.command('evaluate <model...>'))
    .description(
      'measure a model’s loss as a validator does, in a sealed job: a folder or namespace/name@revision of a hub; ' +
        `several fine-tunes of one base, at most ${MOST_MODELS}, are ranked`,
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
    .option(
      '--rows [n]',
      'show the losses of single rows, the worst first; of several models where the best two differ most',
    )
    .action(async (names: string[], options: EvaluateOptions) => {
      const range = { min: 1, max: 5_000_000 };
      const type = parseDatasetType(options.type);
      const sequenceLen = wholeNumber('--sequence-len', options.sequenceLen, { min: 2, max: 131_072 });
      const limit = options.limit === undefined ? undefined : wholeNumber('--limit', options.limit, range);
      const shown = typeof options.rows === 'string' ? wholeNumber('--rows', options.rows, range) : range.max;
      requireComparable(names, options.base);
      await inWorkspace(options, async (workspace) => {
        await requireDevice(options.device, { signal: workspace.signal });
        const models: ModelSource[] = [];
        for (const name of names) models.push(await locateModel(name, options.cache, workspace));
        const base =
          options.base === undefined ? models[0]! : await locateModel(options.base, options.cache, workspace);
        const rows = await readRows({ data: options.data, format: options.format, type, limit }, workspace);
        const common = { base, rows, type, sequenceLen, device: options.device };
        const count = options.rows === undefined ? undefined : shown;
        const print = (json: unknown, text: string) => process.stdout.write(options.json ? jsonText(json) : text);
        if (models.length > 1) {
          const request = { ...common, models };
          const report = await rankModels(request, workspace);
          print(rankingJson(report, request, count !== undefined), rankingText(report, request, count));
        } else {
          const request = { ...common, model: options.base === undefined ? undefined : models[0] };
          const report = await evaluateModel(request, workspace);
          print(evaluationJson(report, request, count !== undefined), evaluationText(report, request, count));
        }
      });
    });
}

/** @throws OperatorError `FLAG_INVALID`. */
function requireComparable(names: readonly string[], base: string | undefined): void {
  if (names.length > MOST_MODELS) {
    throw new OperatorError(
      'FLAG_INVALID',
      `at most ${MOST_MODELS} models are measured in one go, not ${names.length}`,
    );
  }
  if (names.length > 1 && base === undefined) {
    throw new OperatorError('FLAG_INVALID', 'several models are compared on one base: name it with --base');
  }
}
