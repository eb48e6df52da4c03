import { join } from 'node:path';
import { runEvaluation } from '@tuning/evaluation';
import type { Command } from 'commander';
import { inspectionSchema } from '../models/inspection.ts';
import { type InspectionReport, inspectionText } from '../models/inspection-text.ts';
import { locateModel, type ModelSource } from '../models/model-source.ts';
import { runSealedJob } from '../models/sealed-job.ts';
import { inWorkspace, type ModelOptions, type Workspace, withModels } from '../models/workspace.ts';
import { jsonText } from '../text-table.ts';

interface InspectOptions extends ModelOptions {
  base?: string;
  tensors?: boolean;
}

/** `tuning inspect`. */
export function addInspectCommand(program: Command): void {
  withModels(program.command('inspect <model>'))
    .description('say what is in a model’s files, and how its weights differ from a base: a folder or a model of a hub')
    .option('--base <model>', 'compare with it, and judge the model as a validator does')
    .option('--tensors', 'a line per tensor')
    .action(async (name: string, options: InspectOptions) =>
      inWorkspace(options, async (workspace) => {
        const model = await locateModel(name, options.cache, workspace);
        const base = options.base === undefined ? undefined : await locateModel(options.base, options.cache, workspace);
        const inspection = await runSealedJob(
          {
            id: 'inspection',
            input: { dir: model.dir, baseDir: base?.dir },
            schema: inspectionSchema,
            doing: ['reading', 'tensors'],
          },
          workspace,
        );
        const verdict = base && (await judge(model, base, workspace));
        const report: InspectionReport = { model, base, inspection, verdict };
        const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
        const text = inspectionText(report, { tensors: options.tensors === true, colour });
        process.stdout.write(options.json ? jsonText(report) : text);
      }),
    );
}

async function judge(model: ModelSource, base: ModelSource, workspace: Workspace) {
  const { verdict } = await runEvaluation(
    {
      runner: workspace.runner,
      root: join(workspace.folder, 'jobs'),
      id: 'judge',
      baseDir: base.dir,
      submissionDir: model.dir,
      anyFiles: true,
      ...(base.repo ? { expected: { baseRepo: base.repo.repo, baseRevision: base.repo.revision } } : {}),
      sets: [],
      datasetType: 'completion',
      sequenceLen: 2,
      limits: workspace.limits,
      threads: workspace.threads,
    },
    { signal: workspace.signal },
  );
  return verdict;
}
